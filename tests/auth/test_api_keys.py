import re
import string
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Caller
from service.auth.api_keys import ApiKey, ApiKeys, KeyUses, digest_of, new_key

BILLING, ARCHIVE = (Caller(issuer=None, subject=name) for name in ("billing", "archive"))


def keys_of(*keys: tuple[str, str]) -> ApiKeys:
    return ApiKeys([ApiKey(digest_of(key), name) for key, name in keys], lambda: 0)


def caller_of(keys: ApiKeys, key: str) -> Caller | None:
    found = keys.identify(key)
    return None if found is None else found.caller


def test_keys_identify_their_callers() -> None:
    keys = keys_of(("one", "billing"), ("two", "archive"))
    assert caller_of(keys, "one") == BILLING
    assert caller_of(keys, "two") == ARCHIVE


@pytest.mark.parametrize("key", ["", "On", "ONE", "one ", "one\n", "one\0", "ö", digest_of("one")])
def test_unknown_keys_identify_nobody(key: str) -> None:
    assert keys_of(("one", "billing")).identify(key) is None


@given(key=st.text(st.characters(exclude_categories=["Cs"])))
def test_no_configured_keys_identify_nobody(key: str) -> None:
    assert keys_of().identify(key) is None


def test_old_and_new_key_are_valid_during_a_rotation() -> None:
    keys = keys_of(("old", "billing"), ("new", "billing"))
    assert caller_of(keys, "old") == BILLING
    assert keys.identify("old") is keys.identify("new") is keys.identify("old")


def test_digests_with_the_same_start_are_distinguished() -> None:
    ours = ApiKey(digest_of("one"), "billing")
    last = "0" if ours.digest[63] != "0" else "1"
    alike = ApiKey(ours.digest[:63] + last, "archive")
    assert ApiKeys([alike], lambda: 0).identify("one") is None
    for keys in ([ours, alike], [alike, ours]):
        assert caller_of(ApiKeys(keys, lambda: 0), "one") == BILLING


@pytest.mark.parametrize(("now", "is_valid"), [(99, True), (100, True), (100.001, False)])
def test_a_key_is_valid_up_to_its_end(now: float, *, is_valid: bool) -> None:
    keys = ApiKeys([ApiKey(digest_of("one"), "billing", not_after=100)], lambda: now)
    assert (keys.identify("one") is not None) is is_valid


def test_uses_are_counted_by_caller_and_digest() -> None:
    uses = KeyUses()
    old, new = digest_of("old"), digest_of("new")
    ended = ApiKey(digest_of("ended"), "archive", not_after=-1)
    keys = ApiKeys([ApiKey(old, "billing"), ApiKey(new, "billing"), ended], lambda: 0, uses)
    for key in ("old", "new", "old", "ended", "unknown"):
        keys.identify(key)
    assert uses == {("billing", old[:8]): 2, ("billing", new[:8]): 1}


def test_uses_of_other_keys_are_forgotten() -> None:
    keys = ("one", "billing"), ("two", "billing"), ("three", "archive")
    old, renamed, kept = (digest_of(key)[:8] for key, _ in keys)
    uses = {("billing", old): 1, ("billing", renamed): 2, ("archive", kept): 3}
    now = [ApiKey(digest_of("two"), "sales"), ApiKey(digest_of("three"), "archive")]
    ApiKeys(now, lambda: 0, uses).forget_other_uses()
    assert uses == {("archive", kept): 3}


def test_a_digest_is_sha256_in_lower_case_hex() -> None:
    assert digest_of("ключ") == sha256("ключ".encode()).hexdigest()


def test_a_new_key_has_256_bits_and_fits_a_header() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", new_key())  # 43 characters of 6 bits hold 32 bytes


def test_new_keys_are_distinct_and_use_all_characters() -> None:
    keys = [new_key() for _ in range(200)]
    assert len(set(keys)) == len(keys)
    assert set("".join(keys)) == set(string.ascii_letters + string.digits + "-_")
    assert len({key[:8] for key in keys}) == len(keys)
