"""Each operation works on every store, sent exactly as answered."""

import base64
import hashlib
import uuid
import zlib
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.support.service import RunningService, send
from tests.support.stores import BODY, Store

TAGS = {"team of": "a b", "sum": "1+1 = 2", "who": "Zoë", "empty": ""}
KEYS = [
    "plain.txt",
    "a folder/with spaces.txt",
    "plus+and%percent%2Fencoded.txt",
    "quote'tilde~star*(paren)!.txt",
    "question?hash#and&equals=.txt",
    "composed-é.txt",
    "decomposed-e\u0301.txt",
    "emoji-🪣/漢字.txt",
    "colon:semi;comma,at@dollar$.txt",
    'quote"angle<>brace{}|^`.txt',
    "trailing-slash/",
    "back\\slash.txt",
    "two//slashes.txt",
    "/leading-slash.txt",
]
# SeaweedFS 4.48 finds these, but lists them under a path that it derives from their names.
FOLDED_BY_SEAWEEDFS = KEYS[-3:]


def listed(store: Store, prefix: str) -> list[str]:
    page = store.admin_client().list_objects_v2(Bucket=store.bucket, Prefix=prefix)
    return [each["Key"] for each in page.get("Contents", [])]


def put(service: RunningService, key: str, body: bytes = BODY, **more: Any) -> httpx.Response:
    signed = service.sign("upload-urls", key=key, content_length=len(body), **more)
    return send(signed, body)


@pytest.mark.parametrize("name", KEYS)
def test_a_key_addresses_exactly_its_object(
    service: RunningService, store: Store, name: str
) -> None:
    unique = uuid.uuid4().hex
    key = f"/{unique}{name}" if name.startswith("/") else f"keys/{unique}/{name}"
    # A key that ends in a slash is a folder to SeaweedFS, and a folder has no content.
    body = b"" if name.endswith("/") else BODY
    assert put(service, key, body).status_code == 200
    assert send(service.sign("download-urls", key=key)).content == body
    if store.name != "seaweedfs" or name not in FOLDED_BY_SEAWEEDFS:
        assert listed(store, key) == [key]


def test_an_upload_carries_all_requested_headers(
    service: RunningService, store: Store, key: str
) -> None:
    answer = put(
        service,
        key,
        content_type="text/plain; charset=utf-8",
        metadata={"author": "Ann  Example", "team": "billing"},
        filename="Résumé 2026.txt",
        cache_control="private, max-age=60",
        content_encoding="identity",
        tags=TAGS,
        checksum=_checksum("SHA256", hashlib.sha256(BODY).digest()),
    )
    assert answer.status_code == 200, answer.text
    head = store.head(key)
    assert head["ContentType"] == "text/plain; charset=utf-8"
    assert head["CacheControl"] == "private, max-age=60"
    assert head["Metadata"] == {"author": "Ann  Example", "team": "billing"}
    assert head["ContentDisposition"].startswith('attachment; filename="R_sum_ 2026.txt"')
    tags = store.admin_client().get_object_tagging(Bucket=store.bucket, Key=key)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == TAGS


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [("SHA1", hashlib.sha1(BODY).digest()), ("CRC32", zlib.crc32(BODY).to_bytes(4))],
)
def test_a_checksum_travels_with_the_upload(
    service: RunningService, key: str, algorithm: str, digest: bytes
) -> None:
    assert put(service, key, checksum=_checksum(algorithm, digest)).status_code == 200


def test_an_upload_overwrites_only_on_request(
    service: RunningService, store: Store, key: str
) -> None:
    assert put(service, key).status_code == 200
    assert put(service, key, b"another").status_code == 412
    assert store.content(key) == BODY
    assert put(service, key, b"another", overwrite=True).status_code == 200
    assert store.content(key) == b"another"


def test_an_upload_with_if_match_replaces_the_object(
    service: RunningService, store: Store, key: str
) -> None:
    etag = put(service, key).headers["etag"]
    assert put(service, key, b"another", if_match=etag).status_code == 200
    assert put(service, key, b"a third", if_match=etag).status_code == 412
    assert store.content(key) == b"another"


def test_a_download_answers_with_the_requested_headers(service: RunningService, key: str) -> None:
    put(service, key)
    asked = {"content_type": "application/pdf", "cache_control": "private"}
    answer = send(service.sign("download-urls", key=key, filename="Résumé.pdf", **asked))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "private"
    assert "filename*=UTF-8''R%C3%A9sum%C3%A9.pdf" in answer.headers["content-disposition"]


def test_a_download_accepts_a_range(service: RunningService, key: str) -> None:
    put(service, key)
    signed = service.sign("download-urls", key=key)
    assert send(signed, headers={"Range": "bytes=0-4"}).content == BODY[:5]


def test_a_head_describes_the_object(service: RunningService, key: str) -> None:
    put(service, key)
    answer = send(service.sign("head-urls", key=key))
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(BODY)))


def test_a_delete_removes_the_object(service: RunningService, key: str) -> None:
    put(service, key)
    assert send(service.sign("delete-urls", key=key)).status_code == 204
    assert send(service.sign("head-urls", key=key)).status_code == 404


def test_a_list_returns_keys_below_a_prefix_in_pages(service: RunningService) -> None:
    prefix = f"list/{uuid.uuid4().hex}/"
    for name in "abc":
        put(service, prefix + name)
    first = _listing(send(service.sign("list-urls", prefix=prefix, max_keys=2)))
    token = first.findtext("NextContinuationToken")
    rest = _listing(send(service.sign("list-urls", prefix=prefix, continuation_token=token)))
    names = [key.text for page in (first, rest) for key in page.findall("Contents/Key")]
    assert names == [prefix + name for name in "abc"]


def test_a_list_groups_keys_behind_a_delimiter(service: RunningService) -> None:
    prefix = f"list/{uuid.uuid4().hex}/"
    put(service, f"{prefix}folder/a")
    page = _listing(send(service.sign("list-urls", prefix=prefix, delimiter="/")))
    assert page.findtext("CommonPrefixes/Prefix") == f"{prefix}folder/"


def test_an_older_version_is_readable_by_its_id(service: RunningService, key: str) -> None:
    first = put(service, key, b"first", bucket="versions").headers["x-amz-version-id"]
    put(service, key, b"second", bucket="versions", overwrite=True)
    older = service.sign("download-urls", bucket="versions", key=key, version_id=first)
    assert send(older).content == b"first"
    gone = service.sign("delete-urls", bucket="versions", key=key, version_id=first)
    assert send(gone).status_code == 204
    assert send(older).status_code == 404


def test_a_batch_signs_like_single_calls(service: RunningService, key: str) -> None:
    put(service, key)
    items = [{"bucket": "objects", "key": key}, {"bucket": "objects", "key": f"{key}-not"}]
    reply = service.client.post("/v1/download-urls/batch", json={"items": items}).json()
    there, absent = (result["request"]["url"] for result in reply["results"])
    assert httpx.get(there, trust_env=False, timeout=60).content == BODY
    assert httpx.get(absent, trust_env=False, timeout=60).status_code == 404


def _checksum(algorithm: str, digest: bytes) -> dict[str, str]:
    return {"algorithm": algorithm, "value": base64.b64encode(digest).decode()}


def _listing(answer: httpx.Response) -> ET.Element:
    """Return the page, without the XML namespace that some stores use."""
    assert answer.status_code == 200, answer.text
    page = ET.fromstring(answer.text)
    for element in page.iter():
        element.tag = element.tag.rpartition("}")[2]
    return page
