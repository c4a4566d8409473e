"""Answers a batch: finds out what is stored, and signs the requests that are needed.

An error that is about one object takes that object's place. Any other refuses the whole batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from service.access.grants import Operation
from service.concurrency.event_loop import gather_bounded
from service.errors import (
    ChecksumMismatch,
    InvalidRequest,
    LengthMismatch,
    LimitExceeded,
    NotFound,
    PresignError,
)
from service.multipart.object_checks import ObjectChecks, ObjectExpectation
from service.presigning.audit import RefusedBatch
from service.presigning.presigner import Presigner
from service.presigning.requests import PresignBatch, PresignRequest, Requester
from service.presigning.results import CreatedUpload, PresignedRequests
from service.protocols.git_lfs.multipart import MAX_PARTS_PER_BATCH, PartUploads
from service.protocols.git_lfs.repositories import LfsObject, difference, object_key
from service.protocols.roots import ProtocolRoot
from service.sessions.lifetime import Lifetime, Validity
from service.signing.actions import MAX_UPLOAD_BYTES, GetObject, PutObject

_UPLOADS_AT_ONCE: Final = 8  # that one batch creates: others call the bucket meanwhile
_GET: Final = GetObject()
_LIFETIME: Final = Lifetime()
_OF_ONE_OBJECT: Final = (ChecksumMismatch, InvalidRequest, LengthMismatch, LimitExceeded, NotFound)
_TOO_LARGE: Final = (
    "An object over 5 GiB is sent in parts. That needs `hf lfs-enable-largefiles .` here, and "
    "`links.keys` at the server."
)


@dataclass(frozen=True, slots=True)
class LfsAction:
    """A request that the client is to send."""

    href: str = field(repr=False)
    header: Mapping[str, str] = field(repr=False)
    validity: Validity


# None if the object is there, so that there is nothing to send.
ObjectResult = LfsAction | PresignError | None
ObjectResults = dict[LfsObject, ObjectResult]
# Returns the address that completes an upload of an object.
CompletionUrl = Callable[[LfsObject, CreatedUpload], str]


class _Stored(NamedTuple):
    """Some objects, by whether the store has them. `errors` are of those that differ."""

    missing: list[LfsObject]
    intact: list[LfsObject]
    errors: dict[LfsObject, PresignError]


@dataclass(frozen=True, slots=True)
class Batches:
    """Each method raises Forbidden unless the grants allow `check` on the whole repository.

    It also raises what `Authorizer.sign_and_audit` and `S3Client.send` raise.
    """

    presigner: Presigner
    checks: ObjectChecks
    parts: PartUploads

    async def downloads(
        self, requester: Requester, repository: ProtocolRoot, objects: Sequence[LfsObject]
    ) -> ObjectResults:
        stored = await self._find(requester, repository, objects)
        results: ObjectResults = {
            **stored.errors,
            **{wanted: _missing() for wanted in stored.missing},
        }
        if stored.intact:
            keys = [object_key(repository, wanted.oid) for wanted in stored.intact]
            batch = PresignBatch(_request(repository, Operation.DOWNLOAD, keys[0], _GET), keys)
            results |= await self._sign(requester, stored.intact, Operation.DOWNLOAD, [batch])
        return results

    async def uploads(
        self, requester: Requester, repository: ProtocolRoot, objects: Sequence[LfsObject]
    ) -> ObjectResults:
        """Sign an upload of each missing object. The store accepts only the bytes of its oid."""
        stored = await self._find(requester, repository, objects)
        results: ObjectResults = {**stored.errors, **dict.fromkeys(stored.intact)}
        small = [wanted for wanted in stored.missing if wanted.size <= MAX_UPLOAD_BYTES]
        if small:
            batches = [_upload(repository, wanted) for wanted in small]
            results |= await self._sign(requester, small, Operation.UPLOAD, batches)
        large = [wanted for wanted in stored.missing if wanted.size > MAX_UPLOAD_BYTES]
        return results | {wanted: InvalidRequest(_TOO_LARGE) for wanted in large}

    async def multipart_uploads(
        self,
        requester: Requester,
        repository: ProtocolRoot,
        objects: Sequence[LfsObject],
        completion_url: CompletionUrl,
    ) -> ObjectResults:
        """Create an upload of each missing object, and sign all of its parts."""
        stored = await self._find(requester, repository, objects)
        parts = MAX_PARTS_PER_BATCH // max(1, len(stored.missing))
        create = partial(self._create, requester, repository, completion_url, parts)
        created = await gather_bounded(create, stored.missing, limit=_UPLOADS_AT_ONCE)
        results: ObjectResults = {**stored.errors, **dict.fromkeys(stored.intact)}
        return results | dict(zip(stored.missing, created, strict=True))

    async def verify(
        self, requester: Requester, repository: ProtocolRoot, wanted: LfsObject
    ) -> None:
        """Raises NotFound, LengthMismatch or ChecksumMismatch unless the store has the object."""
        stored = await self._find(requester, repository, [wanted])
        if stored.missing:
            raise _missing()
        if (error := stored.errors.get(wanted)) is not None:
            raise error

    async def _find(
        self, requester: Requester, repository: ProtocolRoot, objects: Sequence[LfsObject]
    ) -> _Stored:
        distinct = list(dict.fromkeys(objects))
        expected = [
            ObjectExpectation(
                bucket=repository.bucket,
                key=object_key(repository, wanted.oid),
                content_length=wanted.size,
            )
            for wanted in distinct
        ]
        found = await self.checks.check_all(requester, repository.prefix, expected)
        stored = _Stored([], [], {})
        for wanted, its in zip(distinct, found, strict=True):
            if its is None:
                stored.missing.append(wanted)
            elif (error := difference(wanted, its)) is not None:
                stored.errors[wanted] = error
            else:
                stored.intact.append(wanted)
        return stored

    async def _sign(
        self,
        requester: Requester,
        objects: Sequence[LfsObject],
        operation: Operation,
        batches: Sequence[PresignBatch],
    ) -> ObjectResults:
        """Sign the requests of `batches`, which have the keys of the objects in their order."""
        keys = [key for batch in batches for key in batch.keys]
        refused = RefusedBatch(operation, batches[0].first.bucket, keys, len(keys))
        await self.presigner.count_batch(requester, len(keys), lambda: refused)
        answers = await self.presigner.presign_batch(requester, batches)
        actions = (action for answer in answers for action in _actions(answer))
        return dict(zip(objects, actions, strict=True))

    async def _create(
        self,
        requester: Requester,
        repository: ProtocolRoot,
        completion_url: CompletionUrl,
        parts: int,
        wanted: LfsObject,
    ) -> ObjectResult:
        try:
            created = await self.parts.create(requester, repository, wanted, parts=parts)
        except _OF_ONE_OBJECT as error:
            return error
        # The agent takes the URLs in the order of their names, which git-lfs sorts.
        urls = {f"{part.part_number:05}": part.url for part in created.parts}
        header = {"chunk_size": str(created.part_size), **urls}
        return LfsAction(completion_url(wanted, created), header, created.validity)


def _actions(answer: PresignedRequests | PresignError) -> Iterator[LfsAction | PresignError]:
    """Return the actions of an answer. Raises an error that is not about one object."""
    if isinstance(answer, PresignedRequests):
        # dulwich adds a Content-Type of its own unless this one is spelt alike.
        headers = {name.title(): value for name, value in answer.headers.items()}
        yield from (LfsAction(url, headers, answer.validity) for url in answer.urls)
    elif isinstance(answer, _OF_ONE_OBJECT):
        yield answer
    else:
        raise answer


def _upload(repository: ProtocolRoot, wanted: LfsObject) -> PresignBatch:
    key = object_key(repository, wanted.oid)
    action = PutObject(content_length=wanted.size, checksum=wanted.checksum)
    return PresignBatch(_request(repository, Operation.UPLOAD, key, action), [key])


def _request(
    repository: ProtocolRoot, operation: Operation, key: str, action: GetObject | PutObject
) -> PresignRequest:
    return PresignRequest(
        operation=operation,
        bucket=repository.bucket,
        key=key,
        action=action,
        lifetime=_LIFETIME,
    )


def _missing() -> NotFound:
    return NotFound("The repository does not have this object.")
