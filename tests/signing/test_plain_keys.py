"""Keys that are looked over together are judged as each alone."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.signing.signer import encode_key, paths_of
from service.signing.validation import are_plain, check_key
from tests.signing.strategies import KEYS, examples

ODD = [
    "",
    ".",
    "..",
    "a/..",
    "../a",
    "a\n",
    "\n",
    "a\nb",
    ".a",
    "a/.b",
    "k" * 1024,
    "k" * 1025,
    "\u00e9",
]
PLAIN = st.text("abc./-_~", max_size=8)


def is_signable(key: str) -> bool:
    try:
        check_key(key)
    except InvalidRequest:
        return False
    return True


@examples(500)
@given(keys=st.lists(PLAIN | KEYS | st.sampled_from(ODD), min_size=1, max_size=4))
@example(keys=["a", "\u00e9" * 600])
@example(keys=["a\n", "b"])
@example(keys=["a", "", "b"])
def test_keys_are_judged_together_as_each_alone(keys: list[str]) -> None:
    alone = all(is_signable(key) for key in keys)
    assert paths_of(keys) == ([encode_key(key) for key in keys] if alone else None)
    if are_plain(keys):
        assert alone
        assert [encode_key(key) for key in keys] == keys


@pytest.mark.parametrize("keys", [["a/b", "c-d_e~f.g"], ["/", "a//b/"], ["k" * 1024]])
def test_ordinary_keys_are_plain(keys: list[str]) -> None:
    assert are_plain(keys)


@pytest.mark.parametrize(
    "keys",
    [
        *([""], ["a", ""], [".a"], ["a", ".b"], ["a/.b"], ["a\nb"], ["a\n", "b"]),
        *(["a b"], ["a", "\u00e9"], ["k" * 1025], ["a", "k" * 1025]),
    ],
)
def test_keys_of_which_one_needs_a_closer_look_are_not_plain(keys: list[str]) -> None:
    assert not are_plain(keys)
