import re
import string
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.callers import Identity
from service.access.grants import Caller
from service.auth.api_keys import ApiKeys, digest_of, new_key

BILLING = Identity(Caller(issuer=None, subject="billing"))
ARCHIVE = Identity(Caller(issuer=None, subject="archive"))


def test_keys_identify_their_callers() -> None:
    keys = ApiKeys([(digest_of("one"), BILLING), (digest_of("two"), ARCHIVE)])
    assert keys.identify("one") == BILLING
    assert keys.identify("two") == ARCHIVE


@pytest.mark.parametrize("key", ["", "On", "ONE", "one ", "one\n", "one\0", "ö", digest_of("one")])
def test_unknown_keys_identify_nobody(key: str) -> None:
    assert ApiKeys([(digest_of("one"), BILLING)]).identify(key) is None


@given(key=st.text(st.characters(exclude_categories=["Cs"])))
def test_no_configured_keys_identify_nobody(key: str) -> None:
    assert ApiKeys([]).identify(key) is None


def test_old_and_new_key_are_valid_during_a_rotation() -> None:
    keys = ApiKeys([(digest_of("old"), BILLING), (digest_of("new"), BILLING)])
    assert keys.identify("old") == keys.identify("new") == BILLING


def test_digests_with_the_same_start_are_distinguished() -> None:
    ours = (digest_of("one"), BILLING)
    alike = (ours[0][:63] + ("0" if ours[0][63] != "0" else "1"), ARCHIVE)
    assert ApiKeys([alike]).identify("one") is None
    for digests in ([ours, alike], [alike, ours]):
        assert ApiKeys(digests).identify("one") == BILLING


def test_a_digest_is_sha256_in_lower_case_hex() -> None:
    assert digest_of("ключ") == sha256("ключ".encode()).hexdigest()


def test_a_new_key_has_256_bits_and_fits_a_header() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", new_key())  # 43 characters of 6 bits hold 32 bytes


def test_new_keys_are_distinct_and_use_all_characters() -> None:
    keys = [new_key() for _ in range(200)]
    assert len(set(keys)) == len(keys)
    assert set("".join(keys)) == set(string.ascii_letters + string.digits + "-_")
    assert len({key[:8] for key in keys}) == len(keys)
