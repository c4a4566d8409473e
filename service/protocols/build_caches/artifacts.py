"""Signs what reads or writes an artifact for a caller.

Rules of this file:
- The store is asked before anything is signed. So a miss never reaches the store's door, where a
  403 in place of a 404 would fail a build, and what is there is not written again. That is a
  courtesy and no lock: neither program sends `If-None-Match`.
- What is trusted wins, even over what the caller wrote itself.
- Each look and each signature counts as one URL, and a batch as one for each hash, or as one
  without any. A request has one audit line.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NoReturn

from service.access.grants import AccessRequest, Operation
from service.concurrency.event_loop import gather_bounded
from service.errors import NotFound, ObjectExists, PresignError
from service.presigning.answers import Request, Unsigned
from service.presigning.presigner import Presigner
from service.presigning.requests import Requester, SignedAction
from service.protocols.build_caches.answers import ArtifactRequest, CacheRequest
from service.protocols.build_caches.lookups import Found, Lookups, checking
from service.protocols.build_caches.places import Artifact, Cache
from service.s3.client import CALLS_PER_BUCKET
from service.s3.queries import within
from service.sessions.lifetime import Lifetime
from service.signing.actions import DEFAULT_CONTENT_TYPE, GetObject, HeadObject
from service.signing.redirected_put import RedirectedPut

MAX_SECONDS: Final = 900  # that a URL lives: a build follows it at once
BATCH_SECONDS: Final = 20.0  # Turborepo waits for 30
_LOOKS_AT_ONCE: Final = CALLS_PER_BUCKET // 2  # others call the bucket meanwhile
_LIFETIME: Final = Lifetime(expires_in=MAX_SECONDS)
_SENT: Final = (("content-type", DEFAULT_CONTENT_TYPE),)  # by both programs
_ENCRYPTION: Final = (
    "The bucket has `encryption`, whose headers neither program sends. Use its default at the "
    "store."
)
_PREFLIGHT: Final = (
    "Set TURBO_PREFLIGHT=true: without it Turborepo sends its uploads to this service, not to the "
    "store."
)


class ArtifactExists(ObjectExists):
    """`key` is where it is."""

    def __init__(self, key: str) -> None:
        super().__init__("The cache has this artifact already.")
        self.key = key


class NotStored(PresignError):
    """An upload that would be granted, but that the program cannot send."""

    code = "forbidden"


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Methods raise what `Presigner.presign` raises, StorageRefused and StorageUnavailable."""

    lookups: Lookups
    presigner: Presigner

    async def read(
        self, requester: Requester, artifact: Artifact, action: GetObject | HeadObject
    ) -> str:
        """Return a signed URL of the artifact. Raises NotFound."""
        request = _request(artifact, Operation.DOWNLOAD, action)
        async with self._refusals_in_trail(requester, request, [artifact]):
            keys = self.lookups.readable(requester, artifact)
            found = await self.lookups.find(requester, request.bucket, keys)
            if found is None:
                raise NotFound("The cache has no such artifact.")
        return (await self.presigner.presign(requester, replace(request, key=found.key))).url

    async def write(
        self, requester: Requester, artifact: Artifact, content_length: int | None
    ) -> str:
        """Return a signed URL that writes the artifact. Raises ArtifactExists.

        `content_length` is None for a program that tells it only to the store.
        """
        request = _upload(artifact, content_length)
        async with self._refusals_in_trail(requester, request, [artifact]):
            key = await self._target(requester, artifact, request)
        return (await self.presigner.presign(requester, replace(request, key=key))).url

    async def refuse_upload(self, requester: Requester, artifact: Artifact) -> NoReturn:
        """Raise why an artifact is not stored that was sent to this service."""
        request = _upload(artifact, None)
        async with self._refusals_in_trail(requester, request, [artifact]):
            await self._target(requester, artifact, request)
            raise NotStored(_PREFLIGHT)

    async def sizes(
        self, requester: Requester, cache: Cache, artifacts: Sequence[Artifact]
    ) -> dict[str, int | None]:
        """Return the sizes of artifacts of a cache by their hashes. Of none, it counts as one."""
        authorizer = self.lookups.authorizer
        request = CacheRequest(operation=Operation.CHECK, bucket=cache.bucket, cache=cache.name)
        async with self._refusals_in_trail(requester, request, artifacts):
            if (counted := authorizer.count(requester, len(artifacts) or 1)) is not None:
                await counted
            looks = await self._look_at_all(requester, artifacts)
        keys = [key for found, keys in looks for key in (keys if found is None else [found.key])]
        await authorizer.record(requester, [(request, keys, Unsigned())])
        sizes = (None if found is None else found.size for found, _ in looks)
        return dict(zip((each.hash for each in artifacts), sizes, strict=True))

    async def _look_at_all(
        self, requester: Requester, artifacts: Sequence[Artifact]
    ) -> list[tuple[Found | None, list[str]]]:
        """Return what was found of each artifact, and the keys that were looked at."""
        async with within(BATCH_SECONDS, "answer"):
            look = partial(self._look, requester)
            return await gather_bounded(look, artifacts, limit=_LOOKS_AT_ONCE)

    async def _look(
        self, requester: Requester, artifact: Artifact
    ) -> tuple[Found | None, list[str]]:
        keys = self.lookups.readable(requester, artifact)
        for key in keys:
            found = await self.lookups.look(requester, artifact.cache.bucket, key)
            if found is not None:
                return found, keys
        return None, keys

    async def _target(
        self, requester: Requester, artifact: Artifact, request: ArtifactRequest
    ) -> str:
        """Return the key to write.

        Raises ArtifactExists if it, or what is trusted, is there, and NotStored.
        """

        def needed(key: str) -> tuple[AccessRequest, AccessRequest]:
            return replace(request, key=key).access_request(), checking(bucket, key)

        bucket, trusted = request.bucket, artifact.trusted_key
        target = self.lookups.permitted(requester, artifact, needed)[0]
        if self.lookups.authorizer.snapshot.buckets[bucket].encryption is not None:
            raise NotStored(_ENCRYPTION)
        keys = [target]
        if trusted != target and self.lookups.may_check(requester, bucket, trusted):
            keys.insert(0, trusted)
        if (found := await self.lookups.find(requester, bucket, keys)) is not None:
            raise ArtifactExists(found.key)
        return target

    @asynccontextmanager
    async def _refusals_in_trail(
        self, requester: Requester, request: Request, artifacts: Sequence[Artifact]
    ) -> AsyncIterator[None]:
        """A refusal is in the audit trail before it is raised."""
        try:
            yield
        except PresignError as refusal:
            if isinstance(refusal, ArtifactExists):
                keys = [refusal.key]
            else:
                keys = [key for each in artifacts for key in self.lookups.keys(requester, each)]
            await self.lookups.authorizer.record(requester, [(request, keys, refusal)])
            raise


def _upload(artifact: Artifact, content_length: int | None) -> ArtifactRequest:
    action = RedirectedPut(content_length=content_length, sent=_SENT)
    return _request(artifact, Operation.UPLOAD, action)


def _request(artifact: Artifact, operation: Operation, action: SignedAction) -> ArtifactRequest:
    return ArtifactRequest(
        operation=operation,
        bucket=artifact.cache.bucket,
        key=artifact.trusted_key,
        action=action,
        lifetime=_LIFETIME,
        cache=artifact.cache.name,
    )
