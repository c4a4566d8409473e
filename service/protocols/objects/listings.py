"""One level of a bucket: the objects and common prefixes directly under a prefix."""

from dataclasses import dataclass
from typing import Final

from service.access.grants import AccessRequest, Operation, most_keys
from service.presigning.audit import Requester
from service.presigning.authorizer import Authorizer
from service.presigning.requests import StoreRequest
from service.s3.client import S3Client
from service.s3.errors import S3Error, to_domain_error
from service.s3.queries import list_objects
from service.s3.xml import ObjectsPage

_MAX_KEYS: Final = 1000  # S3 has no longer page: …/AmazonS3/latest/API/API_ListObjectsV2.html


@dataclass(frozen=True, slots=True)
class Listings:
    authorizer: Authorizer
    store: S3Client

    async def page(
        self, requester: Requester, bucket: str, prefix: str, after: str | None
    ) -> ObjectsPage:
        """Return the first page, or the one after the token `after`.

        Raises StorageRefused, StorageUnavailable and what `Authorizer.sign_and_audit` raises.
        """
        wanted = AccessRequest(operation=Operation.LIST, bucket=bucket, key=prefix, subtree=True)
        grants = self.authorizer.access(requester).grants
        wanted.max_keys = most_keys(grants, wanted, _MAX_KEYS) or 1
        request = StoreRequest(action="ListObjectsV2", access_request=wanted)
        access = await self.authorizer.authorize_store_call(requester, request)
        try:
            return await list_objects(
                self.store, access, bucket, prefix, max_keys=wanted.max_keys, after=after
            )
        except S3Error as error:
            raise to_domain_error(error) from None
