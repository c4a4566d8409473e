"""Checks with one HEAD whether an object exists, and has the expected size, type and checksum."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, get_args

from httpx import Headers

from service.access.grants import AccessRequest, Operation
from service.concurrency.event_loop import gather_bounded
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester, StoreRequest
from service.presigning.results import CheckedObject
from service.s3.access import StoreAccess
from service.s3.client import CALLS_PER_BUCKET, S3Client
from service.s3.errors import S3Error, invalid_response, to_domain_error
from service.s3.queries import S3Object
from service.signing.actions import ChecksumAlgorithm, HeadObject

_METADATA: Final = "x-amz-meta-"
_MAY_BE_MISSING: Final = frozenset({403, 404})
_CHECKS_AT_ONCE: Final = CALLS_PER_BUCKET // 2  # of one batch: others call the bucket meanwhile


@dataclass(frozen=True, slots=True)
class ExpectedChecksum:
    """`value` is base64. A composite checksum has a suffix, `-` and the number of parts."""

    algorithm: ChecksumAlgorithm
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectExpectation:
    """What a caller expects of an object. Fields that are None are not compared.

    `operation` is what a grant must allow: `check`, or `head` for the size alone.
    """

    bucket: str
    key: str
    content_length: int | None = None
    content_type: str | None = None
    checksum: ExpectedChecksum | None = None
    operation: Operation = Operation.CHECK

    def store_request(self) -> StoreRequest:
        return _head(AccessRequest(operation=self.operation, bucket=self.bucket, key=self.key))


class ObjectChecks:
    def __init__(self, authorizer: Authorizer, store: S3Client) -> None:
        self._authorizer = authorizer
        self._store = store

    async def check(self, requester: Requester, request: ObjectExpectation) -> CheckedObject | None:
        """Return the object with its mismatches, or None if there is no such object.

        Raises StorageRefused, StorageUnavailable and what `Authorizer.sign_and_audit` raises.
        """
        store_access = await self._authorizer.authorize_store_call(
            requester, request.store_request()
        )
        return await self._check(store_access, request)

    async def check_all(
        self, requester: Requester, prefix: str, requests: Sequence[ObjectExpectation]
    ) -> list[CheckedObject | None]:
        """As `check`, for objects of one bucket under `prefix`, all of which must be granted.

        There is one audit line, and few calls to the store at a time.
        """
        access_request = AccessRequest(
            operation=Operation.CHECK, bucket=requests[0].bucket, key=prefix, is_prefix=True
        )
        keys = [request.key for request in requests]
        store_access = await self._authorizer.authorize_store_call(
            requester, _head(access_request), keys=keys
        )
        check = partial(self._check, store_access)
        return await gather_bounded(check, requests, limit=_CHECKS_AT_ONCE)

    async def _check(
        self, store_access: StoreAccess, request: ObjectExpectation
    ) -> CheckedObject | None:
        s3_object = S3Object(self._store, store_access, request.bucket, request.key)
        try:
            reply = await s3_object.send(HeadObject(checksums=True))
        except S3Error as error:
            if await _is_missing(s3_object, error):
                return None
            raise to_domain_error(error) from None
        return _compare(request, reply.headers)


def _head(access_request: AccessRequest) -> StoreRequest:
    return StoreRequest(action="HeadObject", access_request=access_request)


async def _is_missing(s3_object: S3Object, error: S3Error) -> bool:
    """Return whether a HEAD failed because there is no such key.

    A HEAD has no error code: a missing key, a missing bucket and a proxy's 404 look the same. S3
    also answers 403 for a missing key if the role may not list. Listing the key has an error code.
    """
    try:
        found = await s3_object.find()
    except S3Error as list_error:
        raise to_domain_error(list_error) from None
    return found is None and error.status in _MAY_BE_MISSING


def _compare(request: ObjectExpectation, headers: Headers) -> CheckedObject:
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
        # A checksum that the store does not know is a mismatch.
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
        mismatches=[name for name, is_different in differs.items() if is_different],
    )


def _length(headers: Headers) -> int:
    length = headers.get("content-length", "")
    if not length.isdecimal():
        raise invalid_response()
    return int(length)
