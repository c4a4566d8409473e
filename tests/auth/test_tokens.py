"""Tokens that each differ from a valid one in one respect."""

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from service.access.claims import NamedClaims
from service.access.grants import Caller
from service.auth.tokens import MAX_TOKEN_LENGTH, UnverifiedHeader, parse_unverified_header, verify
from tests.auth.mint import (
    ISSUER,
    KID,
    SUBJECT,
    PrivateKey,
    claims,
    ec_key,
    ed_key,
    in_,
    is_good,
    is_refused,
    jwk,
    make_token,
    rsa_key,
    signed,
    signed_verbatim,
    signed_with_secret,
    unsigned,
    verification_key,
    verified,
)


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        *((alg, rsa_key()) for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        ("ES256", ec_key()),
        ("ES384", ec_key("P-384")),
        ("ES512", ec_key("P-521")),
        ("EdDSA", ed_key()),
    ],
)
def test_a_valid_token_identifies_its_subject(alg: str, key: PrivateKey) -> None:
    ends = int(in_(3000))
    token = make_token(key, alg=alg, exp=ends)
    assert parse_unverified_header(token) == UnverifiedHeader(kid=KID, issuer=ISSUER.issuer)
    found = verified(token, verification_key(key))
    assert found is not None
    assert found.identity.caller == Caller(issuer="cluster-a", subject=SUBJECT)
    assert found.expires_at == ends


def test_only_configured_claims_are_stored() -> None:
    named = frozenset({"/kubernetes.io/namespace", "/groups", "/missing"})
    namespace: dict[str, Any] = {"kubernetes.io": {"namespace": "billing", "pod": "a"}}
    token = make_token(**namespace, groups=["a"], email="sentinel")
    found = verify(
        token,
        issuer=replace(ISSUER, named=NamedClaims(pointers=named)),
        key=verification_key(ed_key()),
    )
    assert found is not None
    assert found.identity.claims == {"/kubernetes.io/namespace": "billing"}


def test_no_repr_shows_a_claim() -> None:
    assert "sentinel" not in repr(verified(make_token(email="sentinel")))


def test_a_token_without_an_algorithm_is_refused() -> None:
    for signature in (b"", b"x"):
        token = unsigned({"alg": "none", "kid": KID}, claims(), signature)
        assert parse_unverified_header(token) is None
        assert is_refused(token)


def test_a_public_key_used_as_secret_is_refused() -> None:
    pem = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    modulus = jwk(rsa_key())["n"]
    for secret in (pem, modulus.encode(), urlsafe_b64decode(f"{modulus}==")):
        token = signed_with_secret(secret)
        assert parse_unverified_header(token) is None
        assert is_refused(token, verification_key(rsa_key()))


@pytest.mark.parametrize("kid", [None, 1, ["one"], True])
def test_a_token_without_kid_is_refused(kid: Any) -> None:
    assert parse_unverified_header(unsigned({"alg": "EdDSA", "kid": KID}, claims())) is not None
    assert parse_unverified_header(unsigned({"alg": "EdDSA", "kid": kid}, claims())) is None
    assert parse_unverified_header(unsigned({"alg": "EdDSA"}, claims())) is None


@pytest.mark.parametrize("alg", [None, "", "none", "HS256", "RS1", "ES256K", "eddsa", ["EdDSA"], 1])
def test_unsupported_algorithms_are_refused(alg: Any) -> None:
    assert parse_unverified_header(unsigned({"alg": alg, "kid": KID}, claims())) is None


def test_a_signature_by_another_key_is_refused() -> None:
    assert is_refused(make_token(ed_key("theirs")))


@pytest.mark.parametrize(
    "head",
    [
        {"jwk": jwk(ed_key("theirs"))},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
    ],
)
def test_keys_inside_tokens_are_ignored(head: dict[str, Any]) -> None:
    payload = json.dumps(claims())
    assert is_refused(signed(payload, ed_key("theirs"), head=head))
    assert is_good(signed(payload, head=head))


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "b64", None])
def test_a_token_with_a_critical_extension_is_refused(crit: Any) -> None:
    plain = {"alg": "EdDSA", "kid": KID, "b64": True}
    token = signed_verbatim({**plain, "crit": crit})
    assert parse_unverified_header(token) is None
    assert is_refused(token)
    assert is_good(signed_verbatim(plain))


def test_the_length_limit_of_tokens_is_exact() -> None:
    tokens = [
        make_token(padding="x" * n) for n in (5000, *range(10_455, 10_475), 2 * MAX_TOKEN_LENGTH)
    ]
    assert MAX_TOKEN_LENGTH in {len(token) for token in tokens}
    for token in tokens:
        allowed = len(token) <= MAX_TOKEN_LENGTH
        assert (parse_unverified_header(token) is not None) is allowed
        assert is_good(token) is allowed
        assert is_refused(token) is not allowed


def test_a_deep_payload_does_not_crash() -> None:
    """Python up to 3.12 cannot parse it; later versions can, and it is then valid."""
    deep = json.dumps(claims(deep="HERE")).replace('"HERE"', "[" * 2500 + "]" * 2500)
    assert is_refused(signed(deep)) is (parse_unverified_header(signed(deep)) is None)


def test_a_deep_header_is_refused() -> None:
    head = json.dumps({"alg": "EdDSA", "kid": KID, "deep": 0})[:-2] + "[" * 2500 + "]" * 2500 + "}"
    assert is_refused(unsigned(head, claims()))


@pytest.mark.parametrize("payload", ["", "null", "[]", '"text"', "{", "{}", "\ufeff{}"])
def test_a_payload_without_claims_is_refused(payload: str) -> None:
    assert parse_unverified_header(signed(payload)) is None
    assert is_refused(signed(payload))


def test_truncated_tokens_are_refused() -> None:
    token = make_token()
    assert not any(is_good(token[:length]) for length in range(len(token)))


def test_text_around_a_token_is_refused() -> None:
    token = make_token()
    for changed in (f"{token}=", f"{token}==", f"{token}\n", f" {token}", f"{token}.", f".{token}"):
        assert parse_unverified_header(changed) is None
        assert is_refused(changed)


def test_an_edited_payload_is_refused() -> None:
    mine, theirs = make_token(sub="mine").split("."), make_token(sub="theirs").split(".")
    assert is_refused(".".join((mine[0], theirs[1], mine[2])))


def test_an_edited_header_is_refused() -> None:
    mine = make_token().split(".")
    head = signed("{}", head={"typ": "at+jwt"}).split(".")[0]
    assert is_refused(".".join((head, mine[1], mine[2])))


def test_a_shorter_curve_does_not_match_a_longer_key() -> None:
    assert is_refused(make_token(ec_key(), alg="ES256"), verification_key(ec_key("P-384")))


def test_a_key_with_alg_verifies_no_other_algorithm() -> None:
    pinned = verification_key(rsa_key(), alg="PS256")
    assert is_refused(make_token(rsa_key(), alg="RS256"), pinned)
    assert is_good(make_token(rsa_key(), alg="PS256"), pinned)


@given(text=st.text(st.characters()), more=st.text(st.characters(), min_size=1))
def test_no_text_raises_an_exception(text: str, more: str) -> None:
    for token in (text, f"{text}.{more}.{text}", f"{more}{make_token()}", f"{make_token()}{more}"):
        parse_unverified_header(token)
        assert is_refused(token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    head=JSON | st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ"]), JSON),
    payload=JSON,
)
def test_no_header_raises_an_exception(head: Any, payload: Any) -> None:
    token = unsigned(head, payload)
    parse_unverified_header(token)
    assert is_refused(token)


@given(changes=st.dictionaries(st.sampled_from(sorted(claims())), JSON))
def test_no_signed_claim_raises_an_exception(changes: dict[str, Any]) -> None:
    token = signed(json.dumps({**claims(), **changes}))
    parse_unverified_header(token)
    found = verified(token)
    assert found is None or 0 < len(found.identity.caller.subject) <= 255
