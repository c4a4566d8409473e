"""`is_valid_key` accepts an ordinary key at a glance, and judges as `check_key` does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.signing.validation import check_key, is_valid_key
from tests.signing.strategies import KEYS, examples

ODD = [
    "",
    ".",
    "..",
    "a/..",
    "../a",
    "a\n",
    "\n",
    ".a",
    "a/.b",
    "k" * 1024,
    "k" * 1025,
    "\u00e9" * 600,
]


@examples(500)
@given(key=st.text("abc./-_~", max_size=8) | KEYS | st.sampled_from(ODD))
def test_a_key_is_valid_if_it_may_be_signed(key: str) -> None:
    if is_valid_key(key):
        check_key(key)
    else:
        with pytest.raises(InvalidRequest):
            check_key(key)
