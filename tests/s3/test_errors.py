"""Which problem a caller gets for a store's error."""

import pytest

from service.errors import (
    ChecksumMismatch,
    InvalidPart,
    InvalidRequest,
    ObjectExists,
    PresignError,
    StorageRefused,
    UploadNotFound,
    WriteConflict,
)
from service.s3.errors import S3Error, to_domain_error


@pytest.mark.parametrize(
    ("status", "code", "error", "pointers"),
    [
        (404, "NoSuchUpload", UploadNotFound, []),
        (400, "InvalidPart", InvalidPart, []),
        (400, "InvalidPartOrder", InvalidPart, []),
        (400, "EntityTooSmall", InvalidPart, []),
        (400, "BadDigest", ChecksumMismatch, []),
        (400, "XAmzContentChecksumMismatch", ChecksumMismatch, []),
        (412, "PreconditionFailed", ObjectExists, []),
        (412, None, ObjectExists, []),
        (409, "ConditionalRequestConflict", WriteConflict, []),
        (400, "InvalidStorageClass", InvalidRequest, ["#/storage_class"]),
        (400, "InvalidTag", InvalidRequest, ["#/tags"]),
        (400, "KeyTooLongError", InvalidRequest, ["#/key"]),
        (400, "MetadataTooLarge", InvalidRequest, ["#/metadata"]),
        (403, "AccessDenied", StorageRefused, []),
        (404, "NoSuchBucket", StorageRefused, []),
        (301, "PermanentRedirect", StorageRefused, []),
        (404, None, StorageRefused, []),
        (200, "Anything.New", StorageRefused, []),
    ],
)
def test_an_s3_error_becomes_a_problem(
    status: int, code: str | None, error: type[PresignError], pointers: list[str]
) -> None:
    problem = to_domain_error(S3Error(status, code))
    assert (type(problem), list(problem.pointers)) == (error, pointers)


@pytest.mark.parametrize(
    "code",
    [
        *("", " ", "Access Denied", "a\nb", "A\n", "<b/>", "caf\u00e9"),
        *("arn:aws:iam::1:role/r", "x" * 65),
    ],
)
def test_an_invalid_error_code_is_replaced_by_the_status(code: str) -> None:
    error = S3Error(418, code)
    assert error.code == str(error) == "418"
    assert to_domain_error(error).detail == "The store refused: 418."


def test_a_valid_error_code_is_shown() -> None:
    assert "AccessDenied" in to_domain_error(S3Error(403, "AccessDenied")).detail
