"""What each action signs, and what its constructor refuses."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given

from service.errors import InvalidRequest
from service.signing.actions import (
    Action,
    Checksum,
    ChecksumAlgorithm,
    DeleteObject,
    Encryption,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from tests.signing.strategies import LISTS, OBJECT_ACTIONS, PUTS, examples

CHECKSUM_SIZES: Final[dict[ChecksumAlgorithm, int]] = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "SHA1": 20,
    "SHA256": 32,
}
INVALID_HEADERS: Final = [
    *("", " ", " a", "a ", "a\tb", "a\r\nX-Evil: 1", "a\rb", "a\nb", "a\n", "a\x00", "caf\u00e9"),
    "\ud800",
]


def put(**changes: Any) -> PutObject:
    return PutObject(content_length=5, **changes)


def refused(make: Callable[[], object]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refusal:
        make()
    return refusal.value


@pytest.mark.parametrize(
    ("action", "method", "query"),
    [
        (GetObject(), "GET", ()),
        (HeadObject(), "HEAD", ()),
        (DeleteObject(), "DELETE", ()),
        (put(), "PUT", ()),
        (ListObjects(prefix=""), "GET", (("list-type", "2"), ("prefix", ""))),
        (GetObject(version_id="v"), "GET", (("versionId", "v"),)),
        (HeadObject(version_id="v"), "HEAD", (("versionId", "v"),)),
        (DeleteObject(version_id="v"), "DELETE", (("versionId", "v"),)),
    ],
    ids=str,
)
def test_method_and_query_of_an_action(
    action: Action, method: str, query: tuple[tuple[str, str], ...]
) -> None:
    assert (action.METHOD, action.query()) == (method, query)


def test_a_download_may_set_response_headers() -> None:
    action = GetObject(content_type="a/b", content_disposition="inline", cache_control="no-store")
    assert dict(action.query()) == {
        "response-content-type": "a/b",
        "response-content-disposition": "inline",
        "response-cache-control": "no-store",
    }


def test_a_list_has_all_its_parameters() -> None:
    action = ListObjects(prefix="a/", delimiter="/", max_keys=0, continuation_token="t=")
    assert dict(action.query()) == {
        "list-type": "2",
        "prefix": "a/",
        "delimiter": "/",
        "max-keys": "0",
        "continuation-token": "t=",
    }


def test_an_upload_is_create_only_by_default() -> None:
    assert put().headers() == {
        "content-length": "5",
        "content-type": "application/octet-stream",
        "if-none-match": "*",
    }


def test_an_upload_with_overwrite_has_no_condition() -> None:
    assert put(overwrite=True).headers().keys() == {"content-length", "content-type"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_if_match_is_the_only_condition(overwrite: bool) -> None:
    headers = put(if_match='"etag"', overwrite=overwrite).headers()
    assert headers["if-match"] == '"etag"'
    assert "if-none-match" not in headers


def test_an_upload_signs_all_its_properties() -> None:
    headers = put(
        content_type="text/plain",
        overwrite=True,
        checksum=Checksum(algorithm="CRC32", value="AAAAAA=="),
        metadata=(("team", "billing"),),
        tags=(("a b", "c=d"), ("e", "")),
        content_disposition="attachment",
        cache_control="no-store",
        content_encoding="gzip",
        storage_class="STANDARD_IA",
        encryption=Encryption(algorithm="aws:kms", kms_key_id="key"),
    ).headers()
    assert headers == {
        "content-length": "5",
        "content-type": "text/plain",
        "x-amz-checksum-crc32": "AAAAAA==",
        "x-amz-meta-team": "billing",
        "x-amz-tagging": "a%20b=c%3Dd&e=",
        "content-disposition": "attachment",
        "cache-control": "no-store",
        "content-encoding": "gzip",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "key",
    }


@examples(300)
@given(action=OBJECT_ACTIONS | LISTS)
def test_no_action_has_an_acl_and_no_upload_a_query(action: Action) -> None:
    names = [*action.headers(), *dict(action.query())]
    assert not [name for name in names if "acl" in name or "grant-" in name]
    assert all(name == name.lower() for name in action.headers())
    if isinstance(action, PutObject):
        assert action.query() == ()


@examples(200)
@given(upload=PUTS)
def test_tags_can_be_read_by_percent_decoding(upload: PutObject) -> None:
    """Ceph RGW decodes percent signs, but not `+`."""
    tagging = upload.headers().get("x-amz-tagging", "")
    pairs = [pair.split("=") for pair in tagging.split("&") if pair]
    assert tuple((unquote(key), unquote(value)) for key, value in pairs) == upload.tags


@examples(200)
@given(upload=PUTS)
def test_tags_can_be_read_as_a_form(upload: PutObject) -> None:
    """Other stores decode a `+` as a space."""
    tagging = upload.headers().get("x-amz-tagging", "")
    assert tuple(parse_qsl(tagging, keep_blank_values=True)) == upload.tags


def test_an_action_is_an_immutable_value() -> None:
    assert put(metadata=(("a", "b"),)) == put(metadata=(("a", "b"),))
    assert hash(put()) == hash(put())
    with pytest.raises(FrozenInstanceError):
        put().content_length = 6  # type: ignore[misc]  # the test expects an error


@pytest.mark.parametrize("name", ["content_type", "cache_control"])
@pytest.mark.parametrize("value", INVALID_HEADERS)
def test_a_download_refuses_an_invalid_header(name: str, value: str) -> None:
    changes: dict[str, Any] = {name: value}
    assert list(refused(lambda: GetObject(**changes)).pointers) == [f"#/{name}"]


@pytest.mark.parametrize(
    "name", ["content_type", "if_match", "cache_control", "content_encoding", "storage_class"]
)
@pytest.mark.parametrize("value", INVALID_HEADERS)
def test_an_upload_refuses_an_invalid_header(name: str, value: str) -> None:
    assert list(refused(lambda: put(**{name: value})).pointers) == [f"#/{name}"]


@pytest.mark.parametrize("algorithm", CHECKSUM_SIZES)
@pytest.mark.parametrize("size", range(66))
def test_a_checksum_has_the_length_of_its_algorithm(
    algorithm: ChecksumAlgorithm, size: int
) -> None:
    value = b64encode(b"\xfb" * size).decode()
    if size == CHECKSUM_SIZES[algorithm]:
        name = f"x-amz-checksum-{algorithm.lower()}"
        assert Checksum(algorithm=algorithm, value=value).header == (name, value)
    else:
        refusal = refused(lambda: Checksum(algorithm=algorithm, value=value))
        assert list(refusal.pointers) == ["#/checksum/value"]


@pytest.mark.parametrize(
    "value",
    [
        *("AAAAAA", "AAAAAA=", "AAAAAA===", "AAAAAA==\n", "\nAAAAAA==", "AAAA AA==", " AAAAAA=="),
        *("AAAAAA==\r\nX-Evil: 1", "AAAAAA==AAAA", "====", "caf\u00e9", "\ud800", "00000000"),
        urlsafe_b64encode(b"\xfb\xff\xfe\xff").decode(),
    ],
)
def test_a_checksum_is_strict_base64(value: str) -> None:
    refused(lambda: Checksum(algorithm="CRC32", value=value))


@pytest.mark.parametrize("name", ["a", "a-b_c", "0"])
def test_a_metadata_name_becomes_a_header(name: str) -> None:
    assert put(metadata=((name, "v"),)).headers()[f"x-amz-meta-{name}"] == "v"


@pytest.mark.parametrize(
    "name",
    [
        *("", "A", "a b", "a:b", "a\r\nb", "a\n", "a\t", "a/b", "\u00e9", "\ud800", "a\x00"),
        *('"', "a.b", "a~b", "a%41"),
    ],
)
def test_an_invalid_metadata_name_is_refused(name: str) -> None:
    assert list(refused(lambda: put(metadata=((name, "v"),))).pointers) == ["#/metadata"]


RESERVED: Final = [
    "snowball-auto-extract",
    "snowball_auto_extract",
    "minio-snowball-prefix",
    "acme-snowball-ignore-errors",  # RustFS looks at the end of the name
    "minio-x",
    "minio_x",
    "rustfs-ec-block-size-hint",
]


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_metadata_name_is_refused(name: str) -> None:
    assert list(refused(lambda: put(metadata=(("a", "b"), (name, "true")))).pointers) == [
        "#/metadata"
    ]


@pytest.mark.parametrize("name", ["minio", "rustfs", "minion", "a-minio-b", "snow-ball"])
def test_a_metadata_name_may_look_reserved(name: str) -> None:
    assert put(metadata=((name, "true"),)).headers()[f"x-amz-meta-{name}"] == "true"


@pytest.mark.parametrize("value", INVALID_HEADERS)
def test_an_invalid_metadata_value_is_refused(value: str) -> None:
    refusal = refused(lambda: put(metadata=(("team", value),)))
    assert list(refusal.pointers) == ["#/metadata/team"]
