"""Which key the path of an object URL names."""

import pytest

from service.errors import InvalidRequest
from service.protocols.objects.requests import bucket_and_key


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


@pytest.mark.parametrize(
    "path",
    [
        *("a/../b", "a/%2e%2e/b", "a%2F..%2Fb", ".", "a/.", "..", "%2e"),
        *("%zz", "a%", "a%2", "a\\b", "%ff", "%C3/", "a%00b", "a%0a", "a" * 1025),
    ],
)
def test_a_path_that_names_no_key_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bucket_and_key(f"demo/{path}".encode())
    assert path not in refused.value.detail or len(path) < 3


def test_a_bucket_without_a_slash_has_an_empty_key() -> None:
    assert bucket_and_key(b"demo") == ("demo", "")
    assert bucket_and_key(b"a%2Fb/c") == ("a/b", "c")


def test_a_bucket_has_at_most_255_characters() -> None:
    assert bucket_and_key(b"%01" * 255 + b"/a") == ("\x01" * 255, "a")
    with pytest.raises(InvalidRequest):
        bucket_and_key(b"b" * 256 + b"/a")
