"""What each action signs, and what its constructor refuses."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from functools import partial
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
    ListObjectVersions,
    PutObject,
)
from service.signing.multipart_actions import CreateMultipartUpload
from service.signing.signer import Signable
from tests.signing.strategies import CHECKSUM_SIZES, LISTS, OBJECT_ACTIONS, PUTS
from tests.support.examples import examples

INVALID_HEADERS: Final = [
    *("", " ", " a", "a ", "a\tb", "a\r\nX-Evil: 1", "a\rb", "a\nb", "a\n", "a\x00", "caf\u00e9"),
    "\ud800",
]


CRC: Final = Checksum(algorithm="CRC32", value="AAAAAA==")
put: Final = partial(PutObject, content_length=5)


def refused(make: Callable[[], object]) -> list[str]:
    """Return the pointers of the refusal."""
    with pytest.raises(InvalidRequest) as refusal:
        make()
    return list(refusal.value.pointers)


@pytest.mark.parametrize(
    ("action", "method", "query"),
    [
        (GetObject(), "GET", {}),
        (HeadObject(), "HEAD", {}),
        (DeleteObject(), "DELETE", {}),
        (put(), "PUT", {}),
        (ListObjects(prefix=""), "GET", {"list-type": "2", "prefix": ""}),
        (GetObject(version_id="v"), "GET", {"versionId": "v"}),
        (HeadObject(version_id="v"), "HEAD", {"versionId": "v"}),
        (DeleteObject(version_id="v"), "DELETE", {"versionId": "v"}),
        (
            GetObject(content_type="a/b", content_disposition="inline", cache_control="no-store"),
            "GET",
            {
                "response-content-type": "a/b",
                "response-content-disposition": "inline",
                "response-cache-control": "no-store",
            },
        ),
        (
            ListObjects(prefix="a/", delimiter="/", max_keys=0, continuation_token="t="),
            "GET",
            {
                "list-type": "2",
                "prefix": "a/",
                "delimiter": "/",
                "max-keys": "0",
                "continuation-token": "t=",
            },
        ),
        (
            ListObjectVersions(
                prefix="a/", delimiter="/", max_keys=7, key_marker="a/b", version_id_marker="v"
            ),
            "GET",
            {
                "prefix": "a/",
                "delimiter": "/",
                "encoding-type": "url",
                "key-marker": "a/b",
                "max-keys": "7",
                "version-id-marker": "v",
                "versions": "",
            },
        ),
    ],
    ids=str,
)
def test_method_and_query_of_an_action(
    action: Signable, method: str, query: dict[str, str]
) -> None:
    assert method == action.METHOD
    assert action.query() == tuple(query.items())


@pytest.mark.parametrize(
    ("changes", "condition"),
    [
        ({}, {"if-none-match": "*"}),
        ({"overwrite": True}, {}),
        ({"if_match": '"etag"'}, {"if-match": '"etag"'}),
        ({"if_match": '"etag"', "overwrite": True}, {"if-match": '"etag"'}),
    ],
    ids=str,
)
def test_an_upload_is_create_only_by_default(
    changes: dict[str, Any], condition: dict[str, str]
) -> None:
    plain = {"content-length": "5", "content-type": "application/octet-stream"}
    assert put(**changes).headers() == plain | condition


PROPERTIES: Final[dict[str, Any]] = {
    "content_type": "text/plain",
    "metadata": (("team", "billing"),),
    "tags": (("a b", "c=d"), ("e", "")),
    "content_disposition": "attachment",
    "cache_control": "no-store",
    "content_encoding": "gzip",
    "storage_class": "STANDARD_IA",
    "encryption": Encryption(algorithm="aws:kms", kms_key_id="key"),
}


@pytest.mark.parametrize(
    ("action", "more"),
    [
        (
            put(overwrite=True, checksum=CRC, **PROPERTIES),
            {"content-length": "5", "x-amz-checksum-crc32": "AAAAAA=="},
        ),
        (CreateMultipartUpload(**PROPERTIES), {}),
    ],
    ids=["in one piece", "in parts"],
)
def test_an_upload_signs_all_its_properties(action: Signable, more: dict[str, str]) -> None:
    assert action.headers() == more | {
        "content-type": "text/plain",
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
def test_tags_can_be_read_by_percent_decoding_and_as_a_form(upload: PutObject) -> None:
    """Ceph RGW decodes percent signs, but not `+`. Other stores decode a `+` as a space."""
    tagging = upload.headers().get("x-amz-tagging", "")
    pairs = [pair.split("=") for pair in tagging.split("&") if pair]
    assert tuple((unquote(key), unquote(value)) for key, value in pairs) == upload.tags
    assert tuple(parse_qsl(tagging, keep_blank_values=True)) == upload.tags


def test_an_action_that_may_come_twice_is_an_immutable_value() -> None:
    assert put(metadata=(("a", "b"),)) == put(metadata=(("a", "b"),))
    assert hash(GetObject()) == hash(GetObject())
    with pytest.raises(FrozenInstanceError):
        GetObject().version_id = "v"  # type: ignore[misc]  # the test expects an error


@pytest.mark.parametrize("action", [PutObject, CreateMultipartUpload, Checksum])
def test_what_never_comes_twice_is_no_key_of_a_cache(action: type) -> None:
    """It is not frozen, which would double the cost of making one."""
    assert action.__hash__ is None


@pytest.mark.parametrize(
    ("make", "name"),
    [
        *((GetObject, name) for name in ("content_type", "cache_control")),
        *((put, name) for name in ("content_type", "if_match", "cache_control")),
        *((put, name) for name in ("content_encoding", "storage_class")),
    ],
)
@pytest.mark.parametrize("value", INVALID_HEADERS)
def test_an_invalid_header_is_refused(make: Callable[..., object], name: str, value: str) -> None:
    assert refused(lambda: make(**{name: value})) == [f"#/{name}"]


@pytest.mark.parametrize("algorithm", CHECKSUM_SIZES)
@pytest.mark.parametrize("size", range(66))
def test_a_checksum_has_the_length_of_its_algorithm(
    algorithm: ChecksumAlgorithm, size: int
) -> None:
    value = b64encode(b"\xfb" * size).decode()
    if size == CHECKSUM_SIZES[algorithm]:
        name = f"x-amz-checksum-{algorithm.lower()}"
        assert Checksum(algorithm=algorithm, value=value).header_name == name
    else:
        pointers = refused(lambda: Checksum(algorithm=algorithm, value=value))
        assert pointers == ["#/checksum/value"]


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


@pytest.mark.parametrize(
    "name", ["a", "a-b_c", "0", "minio", "rustfs", "minion", "a-minio-b", "snow-ball"]
)
def test_a_metadata_name_becomes_a_header(name: str) -> None:
    assert put(metadata=((name, "v"),)).headers()[f"x-amz-meta-{name}"] == "v"


RESERVED: Final = [
    *("snowball-auto-extract", "snowball_auto_extract", "minio-snowball-prefix"),
    "acme-snowball-ignore-errors",  # RustFS looks at the end of the name
    *("minio-x", "minio_x", "rustfs-ec-block-size-hint"),
]


@pytest.mark.parametrize(
    "name",
    [
        *("", "A", "a b", "a:b", "a\r\nb", "a\n", "a\t", "a/b", "\u00e9", "\ud800", "a\x00"),
        *('"', "a.b", "a~b", "a%41"),
        *RESERVED,
    ],
)
def test_an_invalid_or_reserved_metadata_name_is_refused(name: str) -> None:
    assert refused(lambda: put(metadata=(("a", "b"), (name, "true")))) == ["#/metadata"]


@pytest.mark.parametrize("value", INVALID_HEADERS)
def test_an_invalid_metadata_value_is_refused(value: str) -> None:
    assert refused(lambda: put(metadata=(("team", value),))) == ["#/metadata/team"]
