"""Lists objects and common prefixes for a caller, page by page."""

import asyncio
from dataclasses import dataclass
from typing import Final

from service.access.grants import AccessRequest, Operation, most_keys
from service.errors import InvalidRequest, StorageUnavailable
from service.presigning.audit import Requester
from service.presigning.authorizer import Authorizer
from service.presigning.requests import StoreRequest
from service.s3.client import S3Client
from service.s3.errors import S3Error, to_domain_error
from service.s3.listing_xml import ObjectsPage
from service.s3.queries import LIST_SECONDS, list_objects
from service.signing.validation import check_text

MAX_PAGES: Final = 20  # of a level
_MAX_KEYS: Final = 1000  # S3 has no longer page: …/AmazonS3/latest/API/API_ListObjectsV2.html

_TOO_LONG: Final = (
    f"There are more than {MAX_PAGES} pages of objects here. Put them under several prefixes, or "
    "raise the `max_keys` of the grant."
)


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

    async def level(self, requester: Requester, bucket: str, prefix: str) -> ObjectsPage:
        """Return all pages of one level as one.

        Raises InvalidRequest for too many pages, StorageUnavailable if they take too long, and what
        `page` raises.
        """
        try:
            async with asyncio.timeout(LIST_SECONDS):
                return await self._all_pages(requester, bucket, prefix)
        except TimeoutError:
            detail = f"The store did not list the objects within {LIST_SECONDS:g} s."
            raise StorageUnavailable(detail) from None

    async def _all_pages(self, requester: Requester, bucket: str, prefix: str) -> ObjectsPage:
        after, whole = None, ObjectsPage(objects=[], prefixes=[], next_token=None)
        for _ in range(MAX_PAGES):
            request = ListingRequest(bucket=bucket, prefix=prefix, after=after)
            page = await self.page(requester, request)
            whole.objects.extend(page.objects)
            whole.prefixes.extend(page.prefixes)
            if (after := page.next_token) is None:
                return whole
        raise InvalidRequest(_TOO_LONG)
