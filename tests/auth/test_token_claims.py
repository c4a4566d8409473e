"""Tokens with a valid signature that each differ in one claim from a valid token."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from service.auth.tokens import LEEWAY, parse_unverified_header, verify
from tests.auth.mint import (
    ISSUER,
    claims,
    ed_key,
    in_,
    is_good,
    is_refused,
    make_token,
    signed,
    verification_key,
    verified,
)

YEAR = 365 * 86_400


@pytest.mark.parametrize(
    "iss",
    ["https://elsewhere.example", f"{ISSUER.issuer}/", ISSUER.issuer.upper(), [ISSUER.issuer], 1],
)
def test_the_issuer_is_compared_exactly(iss: Any) -> None:
    assert is_refused(make_token(iss=iss))


def test_a_token_without_an_issuer_is_refused() -> None:
    token = make_token(iss=None)
    assert parse_unverified_header(token) is None
    assert is_refused(token)


@pytest.mark.parametrize("aud", ["presign", ["presign"], ["vault", "presign"]])
def test_a_token_may_have_other_audiences_too(aud: Any) -> None:
    assert is_good(make_token(aud=aud))


@pytest.mark.parametrize("aud", ["vault", "presign2", "PRESIGN", ["vault"], [["presign"]], 1, True])
def test_a_token_for_other_audiences_is_refused(aud: Any) -> None:
    assert is_refused(make_token(aud=aud))


@pytest.mark.parametrize("aud", [None, "", [], {}, {"presign": 1}, ["presign", 1]])
def test_a_token_without_a_valid_audience_is_refused(aud: Any) -> None:
    assert is_refused(make_token(aud=aud))


def test_an_expired_token_is_refused() -> None:
    assert is_refused(make_token(exp=in_(-LEEWAY - 1)))
    assert is_good(make_token(exp=in_(-LEEWAY + 5)))


def test_a_token_before_its_nbf_is_refused() -> None:
    assert is_refused(make_token(nbf=in_(LEEWAY + 5)))
    assert is_good(make_token(nbf=in_(LEEWAY - 5)))


def test_a_token_before_its_iat_is_refused() -> None:
    assert is_refused(make_token(iat=in_(LEEWAY + 5)))
    assert is_good(make_token(iat=in_(LEEWAY - 5)))


def test_a_token_without_exp_is_refused() -> None:
    assert is_refused(make_token(exp=None))


def test_iat_and_sub_are_required_and_nbf_is_not() -> None:
    assert is_refused(make_token(iat=None))
    assert is_refused(make_token(sub=None))
    assert is_good(make_token(nbf=None))


@pytest.mark.parametrize(
    "sub", ["", 7, ["api"], "a" * 256, "a\nb", "a\0", "a\x7f", "\u202e", "\ud800"]
)
def test_invalid_subjects_are_refused(sub: Any) -> None:
    assert is_refused(make_token(sub=sub))


@pytest.mark.parametrize("sub", ["a", "a" * 255, "Zoë Müller", "spiffe://acme/ns/billing"])
def test_valid_subjects_are_accepted(sub: str) -> None:
    assert is_good(make_token(sub=sub))


def test_a_token_lives_no_longer_than_its_issuer_may_grant() -> None:
    now = int(time.time())
    assert is_good(make_token(iat=now, exp=now + ISSUER.max_lifetime_seconds))
    assert is_refused(make_token(iat=now, exp=now + ISSUER.max_lifetime_seconds + 1))


def test_an_old_tokens_whole_lifetime_counts() -> None:
    assert is_refused(make_token(iat=in_(-YEAR)))


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
def test_a_quoted_time_is_refused(claim: str) -> None:
    quoted: dict[str, Any] = {claim: str(claims()[claim])}
    assert is_refused(make_token(**quoted))


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("number", ["NaN", "1e999", "-1e999", "true", "9" * 400, "9" * 5000, "[]"])
def test_a_time_that_is_not_a_number_is_refused(claim: str, number: str) -> None:
    payload = json.dumps(claims(**{claim: "HERE"})).replace('"HERE"', number)
    assert is_refused(signed(payload))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_true_is_not_accepted_as_a_time(claim: str) -> None:
    long_lived = replace(ISSUER, max_lifetime_seconds=100 * YEAR)
    key = verification_key(ed_key())
    found = [
        verify(signed(json.dumps(claims(**{claim: value}))), issuer=long_lived, key=key)
        for value in (1, True)
    ]
    assert [each is None for each in found] == [False, True]


def test_a_time_may_have_a_fraction() -> None:
    found = verified(make_token(exp=int(in_(60)) + 0.5))
    assert found is not None
    assert found.expires_at.is_integer()  # the cache keeps it no longer than PyJWT accepts it
