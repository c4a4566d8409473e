"""The text of a file with a key for links."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.protocols.links.keys import KEY_BYTES, new_key, parse_key


@given(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.sampled_from(["", "\n", " \r\n"]))
def test_a_new_key_can_be_read(key: bytes, end: str) -> None:
    assert parse_key(new_key(key) + end) == key


OTHERS: Final = (
    *("", "\n", "sentinel", "c2VudGluZWw=", "é" * 44, f"{'-' * 43}="),
    *(new_key(b"s" * 31), new_key(b"s" * 33), f"key: {new_key(b's' * 32)}"),
    f"{new_key(b's' * 32)}\n{new_key(b't' * 32)}",
)


@pytest.mark.parametrize("text", OTHERS)
def test_another_text_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="not 32 bytes in base64") as refused:
        parse_key(text)
    assert str(refused.value) == ("not 32 bytes in base64, as `presign new-link-key` prints them")
