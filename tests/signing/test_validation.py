"""Which keys, prefixes, header values and media types may be signed."""

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.signing.validation import (
    MAX_KEY_BYTES,
    are_plain,
    check_header_value,
    check_key,
    check_media_type,
    check_prefix,
    is_plain,
    is_valid_key,
)
from tests.signing.strategies import KEYS, is_accepted
from tests.support.examples import examples

CONTROLS: Final = [*range(0x20), 0x7F, 0x80, 0x85, 0x9F, 0xD800, 0xDBFF, 0xDC00, 0xDFFF]
DOT_SEGMENTS: Final = [
    *(".", "..", "./", "../", "/.", "/..", "/./", "/../"),
    *("./a", "../a", "a/.", "a/..", "a/./b", "a/../b", "a//../b", "\u00e9/../b", "a/./"),
]
ACCEPTED: Final = [
    *("a", "/", "//", "a//b", "/lead", "trail/", "...", "a/.../b", ".hidden", "a/.b", "a./b"),
    *("..a", "a..", "a/..b/c", "a b", " ", " a ", "+", "%2F", "%2E%2E", "a/%2e%2e/b", "'", "~"),
    *("?a=1#f", "a&b=c", "\\..\\", "\u00e9", "e\u0301", "\u65e5\u672c", "\U0001f600", "\u00a0"),
    *("\u2028", "\ufffe", "${filename}", "*", "\ufeff"),
]


@pytest.mark.parametrize("key", ACCEPTED)
def test_a_key_that_clients_send_unchanged_is_accepted(key: str) -> None:
    check_key(key)
    check_prefix(key)


@pytest.mark.parametrize("key", DOT_SEGMENTS)
def test_a_dot_segment_anywhere_is_refused(key: str) -> None:
    for check in (check_key, check_prefix):
        with pytest.raises(InvalidRequest, match="segment"):
            check(key)


@pytest.mark.parametrize("code", CONTROLS)
@pytest.mark.parametrize("form", ["{}", "a{}", "{}a", "a{}b"])
def test_a_control_character_or_surrogate_anywhere_is_refused(code: int, form: str) -> None:
    with pytest.raises(InvalidRequest, match="surrogate"):
        check_key(form.format(chr(code)))


@pytest.mark.parametrize(
    ("letter", "size"), [("a", 1), ("\u00e9", 2), ("\u65e5", 3), ("\U0001f600", 4)]
)
def test_the_length_is_counted_in_utf_8(letter: str, size: int) -> None:
    longest = letter * (1024 // size) + "a" * (1024 % size)
    assert len(longest.encode()) == MAX_KEY_BYTES == 1024
    check_key(longest)
    with pytest.raises(InvalidRequest, match="1024 bytes"):
        check_key(f"{longest}a")


@examples(500)
@given(key=st.text(st.sampled_from("./a\u00e9\n\x7f") | st.characters(), max_size=12))
def test_no_other_key_is_refused(key: str) -> None:
    """Checked in another way than in the code: by splitting, and by the code of each character."""
    dotted = any(segment in {".", ".."} for segment in key.split("/"))
    controls = any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in key)
    if not key or dotted or controls:
        with pytest.raises(InvalidRequest):
            check_key(key)
    else:
        check_key(key)


@pytest.mark.parametrize("value", ["a", "a b", "a  b", 'max-age=60, "x"', "~!", "a;q=0.1,*/*"])
def test_visible_ascii_with_inner_spaces_is_accepted(value: str) -> None:
    check_header_value(value, pointer="#/x")


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", " a", "a ", "a\t", "\ta", "a\tb"),
        *("a\r\nX-Evil: 1", "a\rb", "a\nb", "a\n", "\na", "a\r\n", "a\x00b", "a\x7f", "a\x0bb"),
        *("caf\u00e9", "a\u00a0b", "a\u2028b", "\u0085", "\ud800"),
    ],
)
def test_an_invalid_header_value_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_header_value(value, pointer="#/cache_control")
    assert list(refusal.value.pointers) == ["#/cache_control"]


@examples(300)
@given(value=st.text(st.sampled_from("ab \t\r\n\x7f\u00e9"), max_size=8))
def test_no_other_header_value_is_refused(value: str) -> None:
    if value and value.strip() == value and re.fullmatch(r"[ -~]*", value):
        check_header_value(value, pointer="#/x")
    else:
        with pytest.raises(InvalidRequest):
            check_header_value(value, pointer="#/x")


@pytest.mark.parametrize(
    "value",
    [
        *("text/plain", "text/plain;", "text/plain;  charset=utf-8", 'text/plain;charset="utf-8"'),
        *("application/vnd.api+json;v=1", "multipart/form-data; boundary=----x"),
        *('video/mp4; codecs="avc1.42E01E, mp4a.40.2"', r'a/b; x="q\"x"'),
    ],
)
def test_a_media_type_may_have_any_parameters(value: str) -> None:
    check_media_type(value, pointer="#/content_type")


@pytest.mark.parametrize(
    "value",
    [
        *("text", "text/", "/plain", "text/html x", "text/plain, text/html", "a/b;c", "a/b/c"),
        'a/b; x="',
    ],
)
def test_an_invalid_media_type_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest):
        check_media_type(value, pointer="#/content_type")


def test_an_invalid_media_type_is_refused_quickly() -> None:
    """Each `;` once doubled the time."""
    with pytest.raises(InvalidRequest):
        check_media_type("a/b" + " ;" * 120 + ' "', pointer="#/content_type")


ODD: Final = [
    *("", ".", "..", "a/..", "../a", "a\n", "\n", "a\nb", ".a", "a/.b", "\u00e9"),
    *("k" * 1024, "k" * 1025, "\u00e9" * 600),
]
PLAIN: Final = st.text("abc./-_~", max_size=8)


@examples(500)
@given(key=PLAIN | KEYS | st.sampled_from(ODD))
def test_a_key_is_valid_if_it_is_accepted(key: str) -> None:
    assert is_valid_key(key) is is_accepted(key)


@examples(500)
@given(keys=st.lists(PLAIN | KEYS | st.sampled_from([*ODD, "\ud800"]), min_size=1, max_size=4))
def test_keys_are_plain_if_each_one_is(keys: list[str]) -> None:
    assert are_plain(keys) is all(key and is_plain(key) for key in keys)
