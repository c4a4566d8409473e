"""Lists, downloads, deletes and stores MLflow's artifacts. `parts.py` has multipart uploads."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from service.access.decisions import may_overwrite
from service.access.grants import AccessRequest, Operation
from service.concurrency.event_loop import gather_bounded, run_in_thread_if
from service.errors import NotFound, ObjectExists, StorageUnavailable
from service.multipart.object_checks import ObjectChecks, ObjectExpectation
from service.presigning.authorizer import Authorizer
from service.presigning.listings import ListingRequest, Listings
from service.presigning.presigner import Presigner
from service.presigning.requests import PresignRequest, Requester, StoreRequest
from service.protocols.mlflow.paths import Artifact, is_listed
from service.s3.client import CALLS_PER_BUCKET, S3Client
from service.s3.errors import S3Error, to_domain_error
from service.s3.listing_xml import ObjectsPage
from service.s3.queries import S3Object
from service.sessions.lifetime import Lifetime
from service.signing.actions import DEFAULT_CONTENT_TYPE, DeleteObject, GetObject, PutObject
from service.signing.validation import check_key

LIFETIME: Final = Lifetime()
MANY_ENTRIES: Final = 1000  # of a listing; to look at 20,000 long names takes 0.4 s
DELETE_SECONDS: Final = 60.0  # the client waits for 120, and then repeats its request
_KEYS_AT_ONCE: Final = 100  # of one decision, which is one line of the audit trail
_CALLS_AT_ONCE: Final = CALLS_PER_BUCKET // 2  # others call the bucket meanwhile
_GET: Final = GetObject()
_DELETE: Final = DeleteObject()


class Entry(NamedTuple):
    """A file or a folder in a listing. `size` is in bytes; None is a folder."""

    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Download:
    """`size` is in bytes."""

    url: str = field(repr=False)
    size: int


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Methods raise what `Authorizer.sign_and_audit` and `S3Client.send` raise."""

    authorizer: Authorizer
    presigner: Presigner
    listings: Listings
    checks: ObjectChecks
    store: S3Client

    async def entries(self, requester: Requester, folder: Artifact) -> list[Entry]:
        """Return what a folder has, without the names that MLflow refuses."""
        level = await self.listings.level(requester, folder.bucket, folder.below)
        is_long = len(level.objects) + len(level.prefixes) > MANY_ENTRIES
        return await run_in_thread_if(is_long, _entries, level, len(folder.below))

    async def download(self, requester: Requester, wanted: Artifact) -> Download:
        """Sign a download, and find out how large it is. Raises NotFound."""
        expectation = ObjectExpectation(
            bucket=wanted.bucket, key=wanted.key, operation=Operation.HEAD
        )
        found = await self.checks.check(requester, expectation)
        if found is None:
            raise NotFound("There is no such artifact.")
        return Download(await self.url(requester, wanted), found.content_length)

    async def url(self, requester: Requester, wanted: Artifact) -> str:
        """Sign a download."""
        request = PresignRequest(
            operation=Operation.DOWNLOAD,
            bucket=wanted.bucket,
            key=wanted.key,
            action=_GET,
            lifetime=LIFETIME,
        )
        return (await self.presigner.presign(requester, request)).url

    async def store_empty(
        self, requester: Requester, wanted: Artifact, content_type: str | None
    ) -> None:
        """Store an empty file, which replaces another one if the grants allow that."""
        action = PutObject(content_length=0, content_type=content_type or DEFAULT_CONTENT_TYPE)
        access_request = AccessRequest(
            operation=Operation.UPLOAD,
            bucket=wanted.bucket,
            key=wanted.key,
            content_length=0,
            content_type=content_type,
        )
        grants = self.authorizer.access(requester).grants
        overwrite = may_overwrite(grants, access_request)
        request = StoreRequest(
            action="PutObject",
            access_request=replace(access_request, overwrite=overwrite),
            create_only=not overwrite,
        )
        access = await self.authorizer.authorize_store_call(requester, request)
        action = replace(action, overwrite=overwrite, encryption=access.encryption)
        s3_object = S3Object(self.store, access, wanted.bucket, wanted.key)
        try:
            await s3_object.send(action)
        except S3Error as error:
            refusal = to_domain_error(error)
            # An attempt without a response may have stored it.
            may_be_ours = isinstance(refusal, ObjectExists) and error.attempts > 1
            if not (may_be_ours and await _is_empty(s3_object)):
                raise refusal from None

    async def delete(self, requester: Requester, wanted: Artifact) -> None:
        """Delete a folder with all that is below it; or a file.

        Raises StorageUnavailable if it takes too long: the client then repeats its request.
        """
        try:
            async with asyncio.timeout(DELETE_SECONDS):
                await self._delete(requester, wanted)
        except TimeoutError:
            detail = f"Not all files were deleted within {DELETE_SECONDS:g} s. Repeat the request."
            raise StorageUnavailable(detail) from None

    async def _delete(self, requester: Requester, wanted: Artifact) -> None:
        listing = ListingRequest(bucket=wanted.bucket, prefix=wanted.below, delimiter=None)
        page = await self.listings.page(requester, listing)
        access_request = AccessRequest(
            operation=Operation.DELETE, bucket=wanted.bucket, key=wanted.below, is_prefix=True
        )
        if not page.objects and page.next_token is None:
            file = replace(access_request, key=wanted.key, is_prefix=False)
            await self._delete_keys(requester, file, [wanted.key])
            return
        rate = self.authorizer.access(requester).rate
        # A repeated request lists again, and must still get on.
        at_once = min(_KEYS_AT_ONCE, max(1, rate.urls - 1)) if rate else _KEYS_AT_ONCE
        while True:
            keys = [listed.key for listed in page.objects]
            for start in range(0, len(keys), at_once):
                some = keys[start : start + at_once]
                await self._delete_keys(requester, access_request, some)
            if page.next_token is None:
                return
            page = await self.listings.page(requester, replace(listing, after=page.next_token))

    async def _delete_keys(
        self, requester: Requester, access_request: AccessRequest, keys: Sequence[str]
    ) -> None:
        for key in keys:
            check_key(key)
        request = StoreRequest(action="DeleteObject", access_request=access_request)
        access = await self.authorizer.authorize_store_call(requester, request, keys=keys)
        objects = [S3Object(self.store, access, request.bucket, key) for key in keys]
        await gather_bounded(_remove, objects, limit=_CALLS_AT_ONCE)


def _entries(level: ObjectsPage, start: int) -> list[Entry]:
    """`start` is where the names begin in the keys."""
    found = [Entry(prefix[start:-1], None) for prefix in level.prefixes]
    found += [Entry(listed.key[start:], listed.content_length) for listed in level.objects]
    return [entry for entry in found if is_listed(entry.name)]


async def _is_empty(s3_object: S3Object) -> bool:
    """Whether there is an empty object. No, too, if the session may not list."""
    try:
        found = await s3_object.find()
    except S3Error:
        return False
    return found is not None and found.content_length == 0


async def _remove(s3_object: S3Object) -> None:
    try:
        await s3_object.send(_DELETE)
    except S3Error as error:
        raise to_domain_error(error) from None
