"""Which headers of a client a redirected upload signs, and which it refuses."""

from typing import Final

import pytest

from service.errors import InvalidRequest
from service.signing.redirected_put import RedirectedPut, sent_headers

CRC32: Final = "AAAAAA=="
SIGNED: Final = {
    "cache-control": "no-cache",
    "content-disposition": 'attachment; filename="a"',
    "content-encoding": "gzip",
    "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==",
    "content-type": "text/plain",
    "if-none-match": "*",
    "x-amz-checksum-crc32": CRC32,
    "x-amz-meta-owner": "team a",
    "x-amz-sdk-checksum-algorithm": "CRC32",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-tagging": "a=b",
}


def test_what_the_store_acts_on_is_signed_as_sent() -> None:
    others = {"authorization": "Bearer x", "accept": "*/*", "content-length": "5", "range": "x"}
    put = RedirectedPut(content_length=5, sent=sent_headers({**others, **SIGNED}.items()))
    assert put.headers() == {"content-length": "5", **SIGNED}
    assert put.query() == ()


@pytest.mark.parametrize(
    "name",
    [
        *(
            "x-amz-acl",
            "x-amz-copy-source",
            "x-amz-grant-read",
            "x-amz-date",
            "x-amz-storage-class",
        ),
        *(
            "x-amz-content-sha256",
            "x-amz-object-lock-mode",
            "x-amz-checksum-type",
            "x-amz-security-token",
        ),
        "x-amz-website-redirect-location",
    ],
)
def test_other_headers_of_aws_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        sent_headers([(name, "x")])
    detail = "One of the headers that start with x-amz- is not allowed here."
    assert refused.value.detail == detail


def test_an_upload_of_unknown_length_signs_none() -> None:
    put = RedirectedPut(content_length=None, sent=(("content-type", "a/b"),))
    assert put.headers() == {"content-type": "a/b"}


def test_spaces_after_a_value_are_no_part_of_it() -> None:
    value = "\xa0 of team x\t\x0b"
    sent = sent_headers([("x-amz-meta-a", f"{value} \t "), ("x-amz-meta-b", "xX")])
    assert sent == (("x-amz-meta-a", value), ("x-amz-meta-b", "xX"))


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("content-type", "text", ""),
        ("content-type", "text/plain, text/html", ""),
        ("if-none-match", '"an-etag"', "An upload can have `If-None-Match: *` only."),
        ("if-match", "*", "If-Match must be one quoted ETag."),
        ("if-match", '"a", "b"', "If-Match must be one quoted ETag."),
        ("content-md5", "short", "Content-MD5 is 16 bytes in base64."),
        ("x-amz-checksum-crc32", "short", "CRC32 is 4 bytes in base64."),
        ("x-amz-meta-a", "caf\xe9", ""),
        ("x-amz-meta-a", "", ""),
        ("x-amz-meta-snowball-auto-extract", "true", ""),
        ("x-amz-meta-minio-x", "a", ""),
    ],
)
def test_values_that_a_store_would_misread_are_refused(name: str, value: str, detail: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        RedirectedPut(content_length=5, sent=((name, value),))
    assert refused.value.detail == (detail or refused.value.detail)
    if "x-amz-meta-" not in name:
        assert [*refused.value.pointers] == [f"#/headers/{name}"]


def test_a_bad_value_of_metadata_does_not_name_its_header() -> None:
    with pytest.raises(InvalidRequest) as refused:
        RedirectedPut(content_length=5, sent=(("x-amz-meta-secret", "caf\xe9"),))
    assert [*refused.value.pointers] == ["#/headers"]


def test_a_header_sent_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^A signed header is repeated\.$"):
        RedirectedPut(content_length=5, sent=(("content-type", "a/b"), ("content-type", "a/b")))


def test_two_conditions_are_refused() -> None:
    both = (("if-match", '"e"'), ("if-none-match", "*"))
    with pytest.raises(InvalidRequest, match=r"^Send If-Match or If-None-Match, not both\.$"):
        RedirectedPut(content_length=5, sent=both)


@pytest.mark.parametrize(
    ("sent", "overwrite", "if_match"),
    [
        ((), True, None),
        ((("if-none-match", "*"),), False, None),
        ((("if-match", '"e"'),), False, '"e"'),
    ],
)
def test_a_condition_tells_whether_it_may_overwrite(
    sent: tuple[tuple[str, str], ...], overwrite: bool, if_match: str | None
) -> None:
    put = RedirectedPut(content_length=5, sent=sent)
    assert (put.overwrite, put.if_match) == (overwrite, if_match)


def test_an_upload_to_a_new_key_overwrites_nothing() -> None:
    assert not RedirectedPut(content_length=5, new_key=True).overwrite
