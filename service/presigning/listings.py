"""Lists objects, their versions and common prefixes for a caller, page by page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import quote, unquote

from service.access.decisions import max_page_size
from service.access.grants import AccessRequest, Operation
from service.errors import InvalidRequest, StorageRefused
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester, StoreRequest
from service.s3.access import StoreAccess
from service.s3.client import S3Client
from service.s3.errors import S3Error, to_domain_error
from service.s3.listing_xml import (
    ObjectsPage,
    VersionMarkers,
    VersionsPage,
    objects_page,
    versions_page,
)
from service.s3.queries import LIST_SECONDS, within
from service.signing.actions import ListObjects, ListObjectVersions
from service.signing.validation import check_text

MAX_PAGES: Final = 20  # of a level, and of a search
_Page = TypeVar("_Page", ObjectsPage, VersionsPage)

_TOO_LONG: Final = (
    f"There are more than {MAX_PAGES} pages of objects here. Put them under several prefixes, or "
    "raise the `max_keys` of the grant."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingRequest:
    """What to list: one level with the delimiter `/`, or all keys without a delimiter.

    `after` is the token of the page before. `start_after` is a name, and only those behind it are
    listed. A page has `max_keys` names at most, and never more than a grant allows.
    """

    bucket: str
    prefix: str
    delimiter: str | None = "/"
    after: str | None = None
    start_after: str | None = None
    max_keys: int = 1000  # S3 has no longer page: …/AmazonS3/latest/API/API_ListObjectsV2.html

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
        access, max_keys = await self._authorize(requester, request, "ListObjectsV2")
        action = ListObjects(
            prefix=request.prefix,
            delimiter=request.delimiter,
            max_keys=max_keys,
            continuation_token=request.after,
            encoding_type="url",
            start_after=request.start_after,
        )
        return await self._read(access, request.bucket, action, objects_page)

    async def versions(self, requester: Requester, request: ListingRequest) -> VersionsPage:
        """Return one page of versions and delete markers, which needs a grant for `versions` too.

        Raises InvalidRequest if `after` is no `version_token`, and what `page` raises.
        """
        after = None if request.after is None else _version_markers(request.after)
        access, max_keys = await self._authorize(
            requester, request, "ListObjectVersions", version=True
        )
        action = ListObjectVersions(
            prefix=request.prefix,
            delimiter=request.delimiter,
            max_keys=max_keys,
            key_marker=None if after is None else after.key,
            version_id_marker=None if after is None else after.version_id,
        )
        page = await self._read(access, request.bucket, action, versions_page)
        # MiniStack 1.5.33 repeats a page that has room for a common prefix only.
        if page.markers is not None and page.markers == after:
            raise StorageRefused("The store's list of versions has no end.")
        return page

    async def level(self, requester: Requester, bucket: str, prefix: str) -> ObjectsPage:
        """Return all pages of one level as one.

        Raises InvalidRequest for too many pages, StorageUnavailable if they take too long, and what
        `page` raises.
        """
        async with within(LIST_SECONDS, "list the objects"):
            return await self._all_pages(requester, bucket, prefix)

    async def _authorize(
        self, requester: Requester, request: ListingRequest, action: str, *, version: bool = False
    ) -> tuple[StoreAccess, int]:
        """Return the access to the store, and how many keys a page may have."""
        wanted = AccessRequest(
            operation=Operation.LIST,
            bucket=request.bucket,
            key=request.prefix,
            is_prefix=True,
            version=version,
        )
        grants = self.authorizer.access(requester).grants
        wanted.max_keys = max_page_size(grants, wanted, request.max_keys) or 1
        store_request = StoreRequest(action=action, access_request=wanted)
        access = await self.authorizer.authorize_store_call(requester, store_request)
        return access, wanted.max_keys

    async def _read(
        self,
        access: StoreAccess,
        bucket: str,
        action: ListObjects | ListObjectVersions,
        read: Callable[[bytes], _Page],
    ) -> _Page:
        try:
            reply = await self.store.send(access, action, bucket=bucket)
            return await reply.read(read)
        except S3Error as error:
            raise to_domain_error(error) from None

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


def version_token(markers: VersionMarkers) -> str:
    """Return the `after` of the next page of versions."""
    return f"{quote(markers.version_id or '', safe='')}/{quote(markers.key)}"


def _version_markers(token: str) -> VersionMarkers:
    version_id, slash, key = token.partition("/")
    if not slash or not key:
        raise InvalidRequest("Give the `next` of the page before.", pointer="#/after")
    return VersionMarkers(key=unquote(key), version_id=unquote(version_id) or None)
