"""The third use case: whether an object has arrived, and is what was promised. One HEAD tells."""

from dataclasses import dataclass
from typing import Final, get_args

from httpx import Headers

from service.access.grants import AccessRequest, Operation
from service.errors import StorageRefused
from service.presigning.audit import Requester
from service.presigning.authorizer import Authorizer
from service.presigning.requests import StoreRequest
from service.presigning.results import CheckedObject
from service.s3.access import StoreAccess
from service.s3.client import S3Client
from service.s3.errors import S3Error, to_domain_error
from service.s3.queries import find_object
from service.signing.actions import ChecksumAlgorithm, HeadObject

_METADATA: Final = "x-amz-meta-"
_MAY_BE_MISSING: Final = frozenset({403, 404})


@dataclass(frozen=True, slots=True)
class ExpectedChecksum:
    """`value` is base64; of an object's parts together, with `-` and their number."""

    algorithm: ChecksumAlgorithm
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectExpectation:
    """What a caller expects; what is None it does not mind."""

    bucket: str
    key: str
    content_length: int | None = None
    content_type: str | None = None
    checksum: ExpectedChecksum | None = None

    def store_request(self) -> StoreRequest:
        access_request = AccessRequest(operation=Operation.CHECK, bucket=self.bucket, key=self.key)
        return StoreRequest(action="HeadObject", access_request=access_request)


class ObjectChecks:
    def __init__(self, authorizer: Authorizer, store: S3Client) -> None:
        self._authorizer = authorizer
        self._store = store

    async def check(self, requester: Requester, request: ObjectExpectation) -> CheckedObject | None:
        """None if there is no such object."""
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request()
        )
        action = HeadObject(checksums=True)
        try:
            reply = await self._store.send(
                store_access, action, bucket=request.bucket, key=request.key
            )
        except S3Error as refused:
            if await self._is_missing(store_access, request, refused):
                return None
            raise to_domain_error(refused) from None
        return _compared(request, reply.headers)

    async def _is_missing(
        self, store_access: StoreAccess, request: ObjectExpectation, refused: S3Error
    ) -> bool:
        """An answer to a HEAD has no words: a missing key, a missing bucket and a proxy's 404 look the
        same, and S3 says 403 of a missing key where the role may not list. A list of the key has words.
        """
        try:
            found = await find_object(
                self._store, store_access, bucket=request.bucket, key=request.key
            )
        except S3Error as why:
            raise to_domain_error(why) from None
        return found is None and refused.status in _MAY_BE_MISSING


def _compared(request: ObjectExpectation, headers: Headers) -> CheckedObject:
    checksums = {
        name: headers[header]
        for name in get_args(ChecksumAlgorithm)
        if (header := f"x-amz-checksum-{name.lower()}") in headers
    }
    length, content_type = _length(headers), headers.get("content-type")
    expected = request.checksum
    differs = {
        "content_length": request.content_length not in {None, length},
        "content_type": request.content_type not in {None, content_type},
        # What the store does not know is not confirmed either.
        "checksum": expected is not None and checksums.get(expected.algorithm) != expected.value,
    }
    return CheckedObject(
        content_length=length,
        content_type=content_type,
        etag=headers.get("etag", ""),
        version_id=headers.get("x-amz-version-id"),
        checksums=checksums,
        metadata={
            name.removeprefix(_METADATA): value
            for name, value in headers.items()
            if name.startswith(_METADATA)
        },
        mismatches=[name for name, is_other in differs.items() if is_other],
    )


def _length(headers: Headers) -> int:
    length = headers.get("content-length", "")
    if not length.isdecimal():
        raise StorageRefused("The store's answer is not what S3 answers.")
    return int(length)
