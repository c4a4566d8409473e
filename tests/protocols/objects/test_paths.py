"""Which key the path of an object URL names."""

import json

import httpx
import pytest

from service.errors import InvalidRequest
from service.protocols.objects.routes import bucket_and_key
from tests.support.app import make_app_settings, make_open_grant, run_app


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a/b%20c", "a/b c"),
        ("a//b", "a//b"),
        ("/a", "/a"),
        ("%2Fa", "/a"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a+b", "a+b"),
        ("%C3%A9", "\u00e9"),
        ("a%5Cb", "a\\b"),
        ("a%3Fb", "a?b"),
        ("...", "..."),
        ("", ""),
        ("a/", "a/"),
    ],
)
def test_a_path_is_decoded_once(path: str, key: str) -> None:
    assert bucket_and_key(f"demo/{path}".encode()) == ("demo", key)


@pytest.mark.parametrize("path", ["%zz", "a%", "a%2", "a\\b", "%ff", "%C3/"])
def test_a_path_that_is_no_encoded_utf8_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bucket_and_key(f"demo/{path}".encode())
    assert path not in refused.value.detail or len(path) < 3


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",  # httpx resolves dot segments that are not encoded
    ["a/%2e%2e/b", "a%2F..%2Fb", "%2e", "%2e%2e/", "a%00b", "a%0a", "a" * 1025, "a%00/"],
)
async def test_a_key_that_no_url_can_name_is_refused_and_audited(method: str, path: str) -> None:
    lines: list[bytes] = []
    settings = make_app_settings(make_open_grant(), objects={})
    async with run_app(settings, audit=lines.extend) as client:
        url = httpx.URL("http://presign", raw_path=f"/o/demo/{path}".encode())
        answer = await client.request(method, url)
    assert answer.status_code == 422
    assert path not in answer.text
    [line] = map(json.loads, lines)
    assert (line["reason"], line["bucket"]) == ("invalid_request", "demo")


def test_a_bucket_without_a_slash_has_an_empty_key() -> None:
    assert bucket_and_key(b"demo") == ("demo", "")
    assert bucket_and_key(b"a%2Fb/c") == ("a/b", "c")


def test_a_bucket_has_at_most_255_characters() -> None:
    assert bucket_and_key(b"%01" * 255 + b"/a") == ("\x01" * 255, "a")
    with pytest.raises(InvalidRequest):
        bucket_and_key(b"b" * 256 + b"/a")
