"""Tokens with a valid signature that each differ in one claim from a valid token."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

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


# By claim: what a token may say, and what not. None leaves the claim out.
GOOD: Final[Mapping[str, list[Any]]] = {
    "aud": ["presign", ["presign"], ["vault", "presign"]],
    "sub": ["a", "a" * 255, "Zoë Müller", "spiffe://acme/ns/billing"],
    "nbf": [None],
}
BAD: Final[Mapping[str, list[Any]]] = {
    "iss": [
        *(None, "https://elsewhere.example", f"{ISSUER.issuer}/"),
        *(ISSUER.issuer.upper(), [ISSUER.issuer], 1),
    ],
    "aud": [
        *("vault", "presign2", "PRESIGN", ["vault"], [["presign"]], 1, True),
        *(None, "", [], {}, {"presign": 1}, ["presign", 1]),
    ],
    "sub": [None, "", 7, ["api"], "a" * 256, "a\nb", "a\0", "a\x7f", "\u202e", "\ud800"],
    "exp": [None],
    "iat": [None],
}


def cases(values: Mapping[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(claim, value, id=f"{claim} {value!a}"[:60])
        for claim, those in values.items()
        for value in those
    ]


@pytest.mark.parametrize(("claim", "value"), cases(GOOD))
def test_a_token_with_a_valid_claim_is_accepted(claim: str, value: Any) -> None:
    assert is_good(make_token(**{claim: value}))


@pytest.mark.parametrize(("claim", "value"), cases(BAD))
def test_a_token_with_a_missing_or_invalid_claim_is_refused(claim: str, value: Any) -> None:
    assert is_refused(make_token(**{claim: value}))


def test_a_token_without_an_issuer_is_of_no_issuer() -> None:
    assert parse_unverified_header(make_token(iss=None)) is None


@pytest.mark.parametrize(
    ("claim", "outside", "inside"),
    [
        ("exp", -LEEWAY - 1, -LEEWAY + 5),
        ("nbf", LEEWAY + 5, LEEWAY - 5),
        ("iat", LEEWAY + 5, LEEWAY - 5),
    ],
)
def test_a_token_outside_its_times_is_refused(claim: str, outside: float, inside: float) -> None:
    late, good = ({claim: in_(seconds)} for seconds in (outside, inside))
    assert is_refused(signed(json.dumps(claims(**late))))
    assert is_good(signed(json.dumps(claims(**good))))


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
