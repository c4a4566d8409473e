"""What the store refuses, in the contract's words. S3's own never reach a caller: they hold ARNs.

The codes: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from service.errors import (
    ChecksumMismatch,
    CredentialsUnavailable,
    InvalidPart,
    InvalidRequest,
    ObjectExists,
    PresignError,
    StorageRefused,
    UploadNotFound,
    WriteConflict,
)

NO_SUCH_UPLOAD: Final = "NoSuchUpload"

_CODE = re.compile("[A-Za-z0-9.]{1,64}")


class S3Error(Exception):
    """The store answered, and not with what was asked for. `code` is S3's word, or the status.

    `attempts` before the last may have done what was asked for.
    """

    def __init__(self, status: int, code: str | None, *, attempts: int = 1) -> None:
        self.code = code if code is not None and _CODE.fullmatch(code) else str(status)
        super().__init__(self.code)
        self.status = status
        self.attempts = attempts


def to_domain_error(refused: S3Error) -> PresignError:
    """The problem that the caller is told."""
    if (known := _KNOWN.get(refused.code)) is not None:
        return known()
    return StorageRefused(f"The store refused: {refused.code}.")


def upload_not_found() -> UploadNotFound:
    return UploadNotFound("The store has no such upload: it was completed, aborted, or never was.")


def _invalid_part() -> InvalidPart:
    return InvalidPart("The store has other parts than these; list them.")


def _too_small() -> InvalidPart:
    return InvalidPart("A part other than the last is smaller than the store takes.")


def _checksum_mismatch() -> ChecksumMismatch:
    return ChecksumMismatch("The store has other bytes than the checksum is of.")


def _object_exists() -> ObjectExists:
    return ObjectExists("There is an object of this key already. Ask to overwrite, or abort.")


def _write_conflict() -> WriteConflict:
    # S3 wants all of it again: …/AmazonS3/latest/API/API_CompleteMultipartUpload.html, If-None-Match
    return WriteConflict("Somebody wrote this key at the same time. Begin another upload.")


def _not_taken() -> InvalidRequest:
    return InvalidRequest("The store does not take such a request.")


def _session_ended() -> CredentialsUnavailable:
    detail = "The session that signs ended before the store looked at it."
    return CredentialsUnavailable(detail, retry_after=1)


def _invalid(detail: str, pointer: str) -> Callable[[], PresignError]:
    """What the caller chose, and only the store can judge."""
    return lambda: InvalidRequest(detail, pointer=pointer)


_KNOWN: Final[Mapping[str, Callable[[], PresignError]]] = {
    "InvalidStorageClass": _invalid("The store has no such storage class.", "#/storage_class"),
    "InvalidTag": _invalid("The store takes no such tags.", "#/tags"),
    "KeyTooLongError": _invalid("The store takes no key so long.", "#/key"),
    "MetadataTooLarge": _invalid("The store takes no metadata so large.", "#/metadata"),
    NO_SUCH_UPLOAD: upload_not_found,
    "InvalidPart": _invalid_part,
    "InvalidPartOrder": _invalid_part,
    "EntityTooSmall": _too_small,
    "BadDigest": _checksum_mismatch,
    "InvalidDigest": _checksum_mismatch,
    "XAmzContentChecksumMismatch": _checksum_mismatch,
    "PreconditionFailed": _object_exists,
    "412": _object_exists,
    "ConditionalRequestConflict": _write_conflict,
    "OperationAborted": _write_conflict,
    # Stores have their own ideas of an upload id, a key or a list of parts.
    "InvalidArgument": _not_taken,
    "InvalidRequest": _not_taken,
    "ExpiredToken": _session_ended,
}
