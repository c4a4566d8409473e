"""Lists objects and common prefixes for a caller, page by page."""

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
from service.signing.validation import check_text

_MAX_KEYS: Final = 1000  # S3 has no longer page: …/AmazonS3/latest/API/API_ListObjectsV2.html


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingRequest:
    """What to list: one level with the delimiter `/`, or all keys without a delimiter.

    `after` is the token of the page before.
    """

    bucket: str
    prefix: str
    delimiter: str | None = "/"
    after: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("delimiter", self.delimiter), ("after", self.after)):
            if value is not None:
                check_text(value, pointer=f"#/{name}")


@dataclass(frozen=True, slots=True)
class Listings:
    authorizer: Authorizer
    store: S3Client

    async def page(self, requester: Requester, request: ListingRequest) -> ObjectsPage:
        """Return one page, as long as one grant allows.

        Raises StorageRefused, StorageUnavailable and what `Authorizer.sign_and_audit` raises.
        """
        wanted = AccessRequest(
            operation=Operation.LIST, bucket=request.bucket, key=request.prefix, subtree=True
        )
        grants = self.authorizer.access(requester).grants
        wanted.max_keys = most_keys(grants, wanted, _MAX_KEYS) or 1
        store_request = StoreRequest(action="ListObjectsV2", access_request=wanted)
        access = await self.authorizer.authorize_store_call(requester, store_request)
        try:
            return await list_objects(
                self.store,
                access,
                request.bucket,
                request.prefix,
                delimiter=request.delimiter,
                max_keys=wanted.max_keys,
                after=request.after,
            )
        except S3Error as error:
            raise to_domain_error(error) from None
