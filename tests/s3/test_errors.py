"""What a store refuses, as callers are told it."""

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
    ("status", "code", "error"),
    [
        (404, "NoSuchUpload", UploadNotFound),
        (400, "InvalidPart", InvalidPart),
        (400, "InvalidPartOrder", InvalidPart),
        (400, "EntityTooSmall", InvalidPart),
        (400, "BadDigest", ChecksumMismatch),
        (400, "XAmzContentChecksumMismatch", ChecksumMismatch),
        (412, "PreconditionFailed", ObjectExists),
        (412, None, ObjectExists),
        (409, "ConditionalRequestConflict", WriteConflict),
        (400, "InvalidStorageClass", InvalidRequest),
        (400, "InvalidTag", InvalidRequest),
        (400, "KeyTooLongError", InvalidRequest),
        (400, "MetadataTooLarge", InvalidRequest),
        (403, "AccessDenied", StorageRefused),
        (404, "NoSuchBucket", StorageRefused),
        (301, "PermanentRedirect", StorageRefused),
        (404, None, StorageRefused),
        (200, "Anything.New", StorageRefused),
    ],
)
def test_a_refusal_has_a_problem(status: int, code: str | None, error: type[PresignError]) -> None:
    assert type(to_domain_error(S3Error(status, code))) is error


@pytest.mark.parametrize(
    "code",
    [
        "",
        " ",
        "Access Denied",
        "a\nb",
        "<b/>",
        "arn:aws:iam::1:role/r",
        "x" * 65,
        "caf\u00e9",
        "A\n",
    ],
)
def test_a_code_that_is_no_word_of_s3s_is_not_repeated(code: str) -> None:
    refused = S3Error(418, code)
    assert refused.code == str(refused) == "418"
    assert to_domain_error(refused).detail == "The store refused: 418."


def test_a_code_that_is_one_is_told() -> None:
    assert "AccessDenied" in to_domain_error(S3Error(403, "AccessDenied")).detail


@pytest.mark.parametrize(
    ("code", "pointer"),
    [
        ("InvalidStorageClass", "#/storage_class"),
        ("InvalidTag", "#/tags"),
        ("KeyTooLongError", "#/key"),
        ("MetadataTooLarge", "#/metadata"),
    ],
)
def test_what_only_the_store_can_judge_is_pointed_at(code: str, pointer: str) -> None:
    assert list(to_domain_error(S3Error(400, code)).pointers) == [pointer]
