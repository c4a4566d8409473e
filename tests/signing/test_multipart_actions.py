"""What each multipart action signs, and what its constructor refuses."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from service.errors import InvalidRequest
from service.presigning.results import headers_to_send
from service.signing.actions import Checksum, Encryption, HeadObject
from service.signing.multipart_actions import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
    MultipartAction,
    UploadPart,
    UploadPartOfUnknownLength,
)

CRC: Final = Checksum(algorithm="CRC32", value="AAAAAA==")


@pytest.mark.parametrize(
    ("action", "method", "query", "headers"),
    [
        (
            CreateMultipartUpload(),
            "POST",
            {"uploads": ""},
            {"content-type": "application/octet-stream"},
        ),
        (
            UploadPart(upload_id="u", part_number=3, content_length=5),
            "PUT",
            {"partNumber": "3", "uploadId": "u"},
            {"content-length": "5"},
        ),
        (
            UploadPart(upload_id="u", part_number=3, content_length=5, checksum=CRC),
            "PUT",
            {"partNumber": "3", "uploadId": "u"},
            {"content-length": "5", "x-amz-checksum-crc32": "AAAAAA=="},
        ),
        (
            UploadPartOfUnknownLength(upload_id="u", part_number=3),
            "PUT",
            {"partNumber": "3", "uploadId": "u"},
            {},
        ),
        (
            ListParts(upload_id="u"),
            "GET",
            {"max-parts": "1000", "part-number-marker": "0", "uploadId": "u"},
            {},
        ),
        (
            CompleteMultipartUpload(upload_id="u", content_length=7),
            "POST",
            {"uploadId": "u"},
            {"content-type": "application/xml", "if-none-match": "*", "x-amz-mp-object-size": "7"},
        ),
        (
            CompleteMultipartUpload(upload_id="u", content_length=7, overwrite=True, checksum=CRC),
            "POST",
            {"uploadId": "u"},
            {
                "content-type": "application/xml",
                "x-amz-checksum-crc32": "AAAAAA==",
                "x-amz-checksum-type": "FULL_OBJECT",
                "x-amz-mp-object-size": "7",
            },
        ),
        (AbortMultipartUpload(upload_id="u"), "DELETE", {"uploadId": "u"}, {}),
        (
            ListMultipartUploads(),
            "GET",
            {"encoding-type": "url", "max-uploads": "200", "uploads": ""},
            {},
        ),
        (
            ListMultipartUploads(key_marker="k", upload_id_marker="u"),
            "GET",
            {
                "encoding-type": "url",
                "key-marker": "k",
                "max-uploads": "200",
                "upload-id-marker": "u",
                "uploads": "",
            },
            {},
        ),
        (HeadObject(), "HEAD", {}, {}),
        (HeadObject(checksums=True), "HEAD", {}, {"x-amz-checksum-mode": "ENABLED"}),
    ],
    ids=str,
)
def test_method_query_and_headers_of_an_action(
    action: MultipartAction, method: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    assert (action.METHOD, dict(action.query())) == (method, query)
    assert action.headers() == headers


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_the_type_of_a_checksum_follows_from_its_algorithm(algorithm: Any) -> None:
    headers = CreateMultipartUpload(checksum_algorithm=algorithm).headers()
    assert headers["x-amz-checksum-algorithm"] == algorithm
    kind = "COMPOSITE" if algorithm.startswith("SHA") else "FULL_OBJECT"
    assert headers["x-amz-checksum-type"] == kind


def test_the_creation_signs_the_objects_properties() -> None:
    headers = CreateMultipartUpload(
        content_type="text/plain",
        metadata=(("team", "billing"),),
        tags=(("a b", "c=d"),),
        content_disposition="attachment",
        cache_control="no-store",
        content_encoding="gzip",
        storage_class="STANDARD_IA",
        encryption=Encryption(algorithm="aws:kms", kms_key_id="key"),
    ).headers()
    assert headers == {
        "content-type": "text/plain",
        "x-amz-meta-team": "billing",
        "x-amz-tagging": "a%20b=c%3Dd",
        "content-disposition": "attachment",
        "cache-control": "no-store",
        "content-encoding": "gzip",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "key",
    }


def test_the_length_is_signed_but_not_listed_to_send() -> None:
    part = UploadPart(upload_id="u", part_number=1, content_length=5, checksum=CRC)
    assert headers_to_send(part) == {"x-amz-checksum-crc32": "AAAAAA=="}


@pytest.mark.parametrize(
    ("make", "pointers"),
    [
        (lambda: CreateMultipartUpload(content_type="a\r\nb"), ["#/content_type"]),
        (lambda: CreateMultipartUpload(metadata=(("A", "v"),)), ["#/metadata"]),
        (lambda: CreateMultipartUpload(storage_class=" a"), ["#/storage_class"]),
    ],
)
def test_an_invalid_property_is_refused(make: Callable[[], object], pointers: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        make()
    assert list(refused.value.pointers) == pointers
