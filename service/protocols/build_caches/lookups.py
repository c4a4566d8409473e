"""Which keys of an artifact a caller may use, and at which of them there is an object."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from service.access.decisions import allows
from service.access.grants import AccessRequest, Operation
from service.errors import Forbidden, InvalidRequest, LimitExceeded, PresignError
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester, StoreRequest
from service.protocols.build_caches.places import Artifact, Cache, Program, own_folder
from service.s3.client import S3Client
from service.s3.errors import S3Error, invalid_response, to_domain_error
from service.s3.queries import S3Object

LOOK_SECONDS: Final = 5.0  # a build waits for it, and then goes on without the cache


class Found(NamedTuple):
    """An artifact that is there. `size` is in bytes."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Lookups:
    authorizer: Authorizer
    store: S3Client

    def keys(self, requester: Requester, artifact: Artifact) -> list[str]:
        """Return where the artifact may be for this caller, whatever its grants allow there.

        One that writes what is trusted has no folder: what others read must not be built from what
        the same caller wrote there as a pull request.
        """
        bucket, trusted = artifact.cache.bucket, artifact.trusted_key
        grants = self.authorizer.access(requester).grants
        own = own_folder(artifact.cache, grants)
        uploading = AccessRequest(operation=Operation.UPLOAD, bucket=bucket, key=trusted)
        is_trusted = grants.covering(uploading) and self.may_check(requester, bucket, trusted)
        return [trusted] if own is None or is_trusted else [trusted, artifact.key_in(own)]

    def readable(self, requester: Requester, artifact: Artifact) -> list[str]:
        """Return the keys that the caller may read. Raises the refusal if there is none."""
        bucket = artifact.cache.bucket
        return self.permitted(requester, artifact, lambda key: reading(bucket, key))

    def permitted(
        self,
        requester: Requester,
        artifact: Artifact,
        needed: Callable[[str], Iterable[AccessRequest]],
    ) -> list[str]:
        """Return the keys at which all that is needed is granted. Raises the refusal if none is."""
        permitted, refusals = list[str](), list[PresignError]()
        for key in self.keys(requester, artifact):
            try:
                for each in needed(key):
                    self.authorizer.authorize(requester, each)
            except (Forbidden, InvalidRequest, LimitExceeded) as refusal:
                refusals.append(refusal)
            else:
                permitted.append(key)
        if not permitted:  # a limit says more than that there is no grant
            raise next((each for each in refusals if not isinstance(each, Forbidden)), refusals[0])
        return permitted

    def may_check(self, requester: Requester, bucket: str, key: str) -> bool:
        return allows(self.authorizer.access(requester).grants, checking(bucket, key))

    def may_read(self, requester: Requester, cache: Cache, programs: Iterable[Program]) -> bool:
        """Whether the caller may read all artifacts of one of the programs in one of the places."""
        grants = self.authorizer.access(requester).grants
        own = own_folder(cache, grants)
        places = [cache.trusted, *([] if own is None else [own])]
        return any(
            all(
                allows(grants, needed)
                for needed in reading(cache.bucket, f"{place}{program}/", is_prefix=True)
            )
            for place in places
            for program in programs
        )

    async def find(self, requester: Requester, bucket: str, keys: Iterable[str]) -> Found | None:
        """Return the first of the keys at which there is an object. Each look counts as one URL.

        Raises what `Authorizer.sign_and_audit` raises, StorageRefused and StorageUnavailable.
        """
        for key in keys:
            if (counted := self.authorizer.count(requester, 1)) is not None:
                await counted
            if (found := await self.look(requester, bucket, key)) is not None:
                return found
        return None

    async def look(self, requester: Requester, bucket: str, key: str) -> Found | None:
        """As `find`, for one key, and uncounted."""
        request = StoreRequest(action="HeadObject", access_request=checking(bucket, key))
        access = await self.authorizer.access_to_look(requester, request)
        try:
            reply = await S3Object(self.store, access, bucket, key).head(seconds=LOOK_SECONDS)
        except S3Error as error:
            raise to_domain_error(error) from None
        if reply is None:
            return None
        size = reply.headers.get("content-length", "")
        if not size.isdecimal():
            raise invalid_response()
        return Found(key, int(size))


def reading(bucket: str, key: str, *, is_prefix: bool = False) -> Sequence[AccessRequest]:
    """Return what a caller needs grants for to read an artifact."""
    return [
        AccessRequest(operation=operation, bucket=bucket, key=key, is_prefix=is_prefix)
        for operation in (Operation.DOWNLOAD, Operation.CHECK)
    ]


def checking(bucket: str, key: str) -> AccessRequest:
    return AccessRequest(operation=Operation.CHECK, bucket=bucket, key=key)
