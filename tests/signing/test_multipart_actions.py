"""What each multipart action signs."""

from functools import partial
from typing import Any, Final

import pytest

from service.presigning.results import headers_to_send
from service.signing.actions import Checksum, HeadObject
from service.signing.multipart_actions import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListParts,
    MultipartAction,
    UploadPart,
    UploadPartOfUnknownLength,
)

CRC: Final = Checksum(algorithm="CRC32", value="AAAAAA==")


ID: Final = {"uploadId": "u"}
PART: Final = ID | {"partNumber": "3"}
SUM: Final = {"x-amz-checksum-crc32": "AAAAAA=="}
XML: Final = {"content-type": "application/xml", "x-amz-mp-object-size": "7"}
part: Final = partial(UploadPart, upload_id="u", part_number=3, content_length=5)
complete: Final = partial(CompleteMultipartUpload, upload_id="u", content_length=7)


@pytest.mark.parametrize(
    ("action", "method", "query", "headers"),
    [
        (
            CreateMultipartUpload(content_type="a/b"),
            "POST",
            {"uploads": ""},
            {"content-type": "a/b"},
        ),
        (part(), "PUT", PART, {"content-length": "5"}),
        (part(checksum=CRC), "PUT", PART, SUM | {"content-length": "5"}),
        (UploadPartOfUnknownLength(upload_id="u", part_number=3), "PUT", PART, {}),
        (
            ListParts(upload_id="u"),
            "GET",
            ID | {"max-parts": "1000", "part-number-marker": "0"},
            {},
        ),
        (complete(), "POST", ID, XML | {"if-none-match": "*"}),
        (
            complete(overwrite=True, checksum=CRC),
            "POST",
            ID,
            XML | SUM | {"x-amz-checksum-type": "FULL_OBJECT"},
        ),
        (AbortMultipartUpload(upload_id="u"), "DELETE", ID, {}),
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


def test_the_length_is_signed_but_not_listed_to_send() -> None:
    assert headers_to_send(part(checksum=CRC).headers()) == SUM
