"""Bodies: checksums with their published check values, lengths, and forms."""

import io
from base64 import b64encode
from hashlib import md5, sha1, sha256

import httpx
import pytest

from service.demo.bodies import read_form, spool
from service.demo.checksums import BodyChecks
from service.demo.store_errors import StoreError

BODY = b"123456789"
# The catalogue of parametrised CRC algorithms: CRC-32/ISO-HDLC, CRC-32/ISCSI, CRC-64/NVME.
CHECKSUMS = {
    "x-amz-checksum-crc32": bytes.fromhex("cbf43926"),
    "x-amz-checksum-crc32c": bytes.fromhex("e3069283"),
    "x-amz-checksum-crc64nvme": bytes.fromhex("ae8b14860a799888"),
    "x-amz-checksum-sha1": sha1(BODY).digest(),
    "x-amz-checksum-sha256": sha256(BODY).digest(),
    "content-md5": md5(BODY).digest(),
}


def code_of(headers: dict[str, str], *pieces: bytes) -> str:
    try:
        checks = BodyChecks(headers)
        for piece in pieces:
            checks.update(piece)
        checks.finish()
    except StoreError as error:
        return error.code
    return ""


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_checksum_is_that_of_the_whole_body(name: str) -> None:
    headers = {name: b64encode(CHECKSUMS[name]).decode()}
    assert code_of(headers, BODY[:4], BODY[4:]) == ""
    assert code_of(headers, BODY[:4]) == "BadDigest"
    assert code_of(headers) == "BadDigest"


@pytest.mark.parametrize("value", ["", "AAAA", "not base64"])
def test_a_header_that_is_no_checksum_is_refused(value: str) -> None:
    assert code_of({"x-amz-checksum-crc32": value}, BODY) == "InvalidRequest"
    assert code_of({"content-md5": value}, BODY) == "InvalidDigest"


def test_a_body_is_read_to_its_length_and_no_further() -> None:
    source, seen = io.BytesIO(b"bodynext"), bytearray()
    with spool(source, 4, seen.extend) as body:
        assert (body.read(), bytes(seen), source.read()) == (b"body", b"body", b"next")
    with spool(io.BytesIO(b"body"), None, seen.extend) as body:
        assert body.read() == b"body"


def test_a_body_that_ends_early_is_refused() -> None:
    with pytest.raises(StoreError) as refused:
        spool(io.BytesIO(b"bod"), 4, lambda _: None)
    assert refused.value.code == "IncompleteBody"


def multipart(*parts: tuple[str, str | tuple[str, bytes]]) -> tuple[bytes, bytes]:
    """Return the body of a form, and its boundary."""
    files = [(name, (None, value) if isinstance(value, str) else value) for name, value in parts]
    request = httpx.Request("POST", "http://store", files=files, headers={})
    boundary = request.headers["content-type"].partition("boundary=")[2]
    return request.read(), boundary.encode()


def read(*parts: tuple[str, str | tuple[str, bytes]]) -> tuple[dict[str, str], int | None]:
    body, boundary = multipart(*parts)
    return read_form(io.BytesIO(body), boundary)


@pytest.mark.parametrize("size", [0, 1, 200_000])
def test_a_form_has_its_fields_and_the_size_of_its_file(size: int) -> None:
    found = read(("Key", "ä b"), ("empty", ""), ("file", ("a.txt", b"x" * size)))
    assert found == ({"key": "ä b", "empty": ""}, size)


def test_fields_after_the_file_do_not_count() -> None:
    assert read(("a", "1"), ("file", ("a.txt", b"x")), ("acl", "public")) == ({"a": "1"}, 1)


def test_a_form_without_a_file_has_no_size() -> None:
    assert read(("a", "1")) == ({"a": "1"}, None)


def test_fields_have_a_maximum_length() -> None:
    with pytest.raises(StoreError) as refused:
        read(("a", "x" * 20_481))
    assert refused.value.code == "MaxPostPreDataLengthExceeded"


@pytest.mark.parametrize("body", [b"", b"no form", multipart(("a", "1"))[0][:-20]])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(StoreError) as refused:
        read_form(io.BytesIO(body), b"boundary")
    assert refused.value.code == "MalformedPOSTRequest"
