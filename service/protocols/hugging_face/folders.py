"""Folders at the store as a caller's grants let it list them, from listings that are kept.

Rules of this file:
- A caller's grants decide each request, also if another caller's listing answers it. Each request
  is counted and in the audit trail: as the pages that it lists, or as a listing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn, TypeVar

from service.access.decisions import allows
from service.access.grants import AccessRequest, Operation
from service.concurrency.event_loop import run_in_thread_if
from service.errors import InvalidRequest, PresignError
from service.presigning.authorizer import Authorizer
from service.presigning.listings import ListingRequest, Listings
from service.presigning.requests import Requester, StoreRequest
from service.protocols.hugging_face.addresses import is_revision_name
from service.protocols.hugging_face.cached_listings import KEPT_SECONDS, CachedListings
from service.protocols.hugging_face.revisions import Revision, is_sha, revision_of
from service.s3.listing_xml import ListedObject
from service.s3.queries import LIST_SECONDS, within

V = TypeVar("V")

MAX_FILES: Final = 10_000  # of a revision
_MANY: Final = 500  # objects; 1,000 take some 3 ms


class StoreFolder(NamedTuple):
    """A prefix in a bucket."""

    bucket: str
    prefix: str

    def below(self, name: str) -> "StoreFolder":
        return StoreFolder(self.bucket, f"{self.prefix}{name}/")


@dataclass(frozen=True, slots=True)
class Folders:
    """Methods raise what `Listings.page` raises, and Overloaded for too many listings at once."""

    authorizer: Authorizer
    listings: Listings
    revisions: CachedListings[Revision]
    levels: CachedListings[tuple[str, ...]]

    async def revision(
        self,
        requester: Requester,
        repository: StoreFolder,
        name: str,
        *,
        counted: bool,
        max_age: float = KEPT_SECONDS,
    ) -> Revision:
        """Return what the folder of this name at `repository` has, which may be nothing.

        `counted` is whether this is all that the request does: it then counts as one URL at least.
        """
        folder = repository.below(name)

        async def make() -> Revision:
            objects = await self._objects(requester, folder)
            is_long = len(objects) > _MANY
            return await run_in_thread_if(is_long, revision_of, name, folder.prefix, objects)

        found, is_new = await self._get(self.revisions, requester, folder, make, max_age)
        if counted and not is_new:
            await self.authorize(requester, folder)
        return found

    async def names(self, requester: Requester, repository: StoreFolder) -> tuple[str, ...]:
        """Return the names of the folders of a repository that can be revisions."""

        async def make() -> tuple[str, ...]:
            level = await self.listings.level(requester, *repository)
            names = (folder[len(repository.prefix) : -1] for folder in level.prefixes)
            return tuple(name for name in names if is_revision_name(name) and not is_sha(name))

        found, _ = await self._get(self.levels, requester, repository, make, KEPT_SECONDS)
        return found

    def may_list(self, requester: Requester, folder: StoreFolder) -> bool:
        return allows(self.authorizer.access(requester).grants, _listing_of(folder))

    async def _get(
        self,
        kept: CachedListings[V],
        requester: Requester,
        folder: StoreFolder,
        make: Callable[[], Awaitable[V]],
        max_age: float,
    ) -> tuple[V, bool]:
        if not self.may_list(requester, folder):
            await self.authorize(requester, folder)  # raises the refusal
        # After a reload the same name may be another bucket.
        at = self.authorizer.snapshot.buckets[folder.bucket], folder
        caller = requester.identity.caller
        caller_id = caller.issuer, caller.subject
        return await kept.get(at, make, folder.bucket, caller_id, max_age)

    async def refuse(
        self,
        requester: Requester,
        folder: StoreFolder,
        error: PresignError,
        *,
        counted: bool = False,
    ) -> NoReturn:
        """Raise the error, or the caller's own refusal, once the request is counted and audited."""
        if not counted:
            await self.authorize(requester, folder)
        raise error

    async def authorize(self, requester: Requester, folder: StoreFolder) -> None:
        """Count a listing, decide it and write its audit line. Raises the refusal."""
        request = StoreRequest(action="ListObjectsV2", access_request=_listing_of(folder))
        await self.authorizer.authorize_store_call(requester, request)

    async def _objects(self, requester: Requester, folder: StoreFolder) -> list[ListedObject]:
        found, after = list[ListedObject](), None
        async with within(LIST_SECONDS, "list the revision"):
            while True:
                request = ListingRequest(
                    bucket=folder.bucket, prefix=folder.prefix, delimiter=None, after=after
                )
                page = await self.listings.page(requester, request)
                found += page.objects
                if len(found) > MAX_FILES:
                    detail = f"The revision has more than {MAX_FILES:,} files. Split it."
                    raise InvalidRequest(detail)
                if (after := page.next_token) is None:
                    return found


def _listing_of(folder: StoreFolder) -> AccessRequest:
    return AccessRequest(
        operation=Operation.LIST, bucket=folder.bucket, key=folder.prefix, is_prefix=True
    )
