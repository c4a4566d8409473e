"""Claims in an event count only from a named API, and under the rules for tokens."""

from dataclasses import replace
from typing import Any, Final

import pytest

from service.auth.gateway_claims import GatewayIdentities
from tests.auth.mint import ISSUER, SUBJECT, claims

API_ID: Final = "a1b2c3d4e5"
NOW: Final = 1_795_000_000
IDENTITIES: Final = GatewayIdentities([(ISSUER, frozenset({API_ID}))])


def sent(**changes: Any) -> dict[str, str]:
    """Return the claims as an HTTP API writes them: each is a text."""
    times = {"iat": NOW, "nbf": NOW, "exp": NOW + 300}
    written = claims(**{"aud": ISSUER.audience, **times, **changes})
    return {name: str(value) for name, value in written.items()}


def subject(claims: dict[str, str], api_id: str = API_ID) -> str | None:
    identity = IDENTITIES.find(api_id, claims, NOW)
    return None if identity is None else identity.caller.subject


@pytest.mark.parametrize("audience", [ISSUER.audience, f"[other {ISSUER.audience}]"])
def test_claims_of_a_named_api_name_the_caller(audience: str) -> None:
    assert subject(sent(aud=audience)) == SUBJECT


def test_a_caller_keeps_one_identity() -> None:
    first = IDENTITIES.find(API_ID, sent(), NOW)
    assert IDENTITIES.find(API_ID, sent(jti="another"), NOW) is first


@pytest.mark.parametrize("api_id", ["", "another"])
def test_no_other_api_is_trusted(api_id: str) -> None:
    assert subject(sent(), api_id) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://another.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": f"{ISSUER.audience} other"},
        {"aud": None},
        {"exp": NOW - 60},
        {"exp": None},
        {"exp": "soon"},
        {"exp": "nan"},
        {"exp": "inf"},
        {"iat": None},
        {"iat": NOW - 90_000},
        {"nbf": NOW + 600},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\nb"},
    ],
    ids=str,
)
def test_claims_that_a_token_must_not_have_are_not_trusted(changes: dict[str, Any]) -> None:
    assert subject(sent(**changes)) is None


def test_claims_in_prefixes_need_the_token_itself() -> None:
    issuer = replace(ISSUER, pointers=frozenset({"/team"}))
    identities = GatewayIdentities([(issuer, frozenset({API_ID}))])
    assert identities.find(API_ID, sent(team="a"), NOW) is None
