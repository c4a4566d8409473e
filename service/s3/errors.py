"""Maps the store's errors to problems. S3's own messages never reach a caller: they contain ARNs.

The codes: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
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
    """The store's error response. `code` is S3's error code, or the status if there is none.

    With several `attempts`, an earlier one without a response may have succeeded.
    """

    def __init__(self, status: int, code: str | None, *, attempts: int = 1) -> None:
        self.code = code if code is not None and _CODE.fullmatch(code) else str(status)
        super().__init__(self.code)
        self.status = status
        self.attempts = attempts


def to_domain_error(error: S3Error) -> PresignError:
    """Return the problem that the caller gets."""
    if (problem := _PROBLEMS.get(error.code)) is not None:
        return problem()
    return StorageRefused(f"The store refused: {error.code}.")


def invalid_response() -> StorageRefused:
    return StorageRefused("The store's response is not a valid S3 response.")


_NO_PART = partial(InvalidPart, "The store does not have these parts. List them.")
_TOO_SMALL = partial(InvalidPart, "A part other than the last is too small for the store.")
_MISMATCH = partial(ChecksumMismatch, "The stored bytes do not match the checksum.")
_EXISTS = partial(
    ObjectExists,
    "An object with this key already exists. Request `overwrite`, or abort the upload.",
)
# S3 wants all parts again: …/AmazonS3/latest/API/API_CompleteMultipartUpload.html, If-None-Match
_CONFLICT = partial(
    WriteConflict, "Another client wrote this key at the same time. Start a new upload."
)
# Stores differ in which upload ids, keys and lists of parts they accept.
_INVALID = partial(InvalidRequest, "The store does not accept this request.")

_PROBLEMS: Final[Mapping[str, Callable[[], PresignError]]] = {
    "InvalidStorageClass": partial(
        InvalidRequest, "The store has no such storage class.", pointer="#/storage_class"
    ),
    "InvalidTag": partial(
        InvalidRequest, "The store does not accept these tags.", pointer="#/tags"
    ),
    "KeyTooLongError": partial(
        InvalidRequest, "The key is too long for the store.", pointer="#/key"
    ),
    "MetadataTooLarge": partial(
        InvalidRequest, "The metadata is too large for the store.", pointer="#/metadata"
    ),
    NO_SUCH_UPLOAD: partial(
        UploadNotFound, "The store has no such upload: it was completed, aborted, or never was."
    ),
    "InvalidPart": _NO_PART,
    "InvalidPartOrder": _NO_PART,
    "EntityTooSmall": _TOO_SMALL,
    "BadDigest": _MISMATCH,
    "InvalidDigest": _MISMATCH,
    "XAmzContentChecksumMismatch": _MISMATCH,
    "PreconditionFailed": _EXISTS,
    "412": _EXISTS,
    "ConditionalRequestConflict": _CONFLICT,
    "OperationAborted": _CONFLICT,
    "InvalidArgument": _INVALID,
    "InvalidRequest": _INVALID,
    "ExpiredToken": partial(
        CredentialsUnavailable,
        "The session that signed the request has expired. Try again.",
        retry_after=1,
    ),
}
