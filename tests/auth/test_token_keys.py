"""Which keys in an issuer's document are used."""

import json
from base64 import urlsafe_b64encode
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from service.auth.tokens import MAX_KEYS, UnreadableKeys, read_keys
from tests.auth.mint import ec_key, ed_key, jwk, jwks, rsa_key

GOOD = jwk(ed_key(), "good")
RSA = jwk(rsa_key())


def is_ignored(key: Any) -> bool:
    """Return whether it is unusable, and leaves others usable."""
    with pytest.raises(UnreadableKeys):
        read_keys(jwks(key))
    return set(read_keys(jwks(key, GOOD))) == {"good"}


def test_each_key_has_exactly_its_algorithms() -> None:
    every = [jwk(ec_key(curve), curve) for curve in ("P-256", "P-384", "P-521")]
    every += [jwk(rsa_key(), "rsa"), jwk(ed_key(), "ed")]
    assert {kid: key.algorithms for kid, key in read_keys(jwks(*every)).items()} == {
        "rsa": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        "ed": ("EdDSA",),
        "P-256": ("ES256",),
        "P-384": ("ES384",),
        "P-521": ("ES512",),
    }


def test_alg_limits_a_key_to_one_algorithm() -> None:
    assert read_keys(jwks(jwk(rsa_key(), alg="RS512")))["one"].algorithms == ("RS512",)


def long_rsa(bits: int) -> dict[str, Any]:
    modulus = ((1 << (bits - 1)) + 1).to_bytes(bits // 8 + 1)
    return {**RSA, "n": urlsafe_b64encode(modulus).decode()}


def private(key: Any, kind: type[Any], **changes: Any) -> dict[str, Any]:
    return {**kind.to_jwk(key, as_dict=True), "kid": "one", **changes}


def symmetric(secret: str) -> dict[str, str]:
    return {"kty": "oct", "k": secret, "kid": "one", "use": "sig", "alg": "HS256"}


BITCOIN: Final = ec.generate_private_key(ec.SECP256K1()).public_key()
ED448: Final = ed448.Ed448PrivateKey.generate().public_key()
IGNORED: Final[dict[str, Any]] = {
    **{f"not a key: {key}": key for key in (None, "key", {"kid": "one"})},
    "short": jwk(rsa_key(1024)),
    **{f"of {bits} bits": long_rsa(bits) for bits in (8193, 16_384, 1_000_000)},
    "symmetric": symmetric("c2VjcmV0"),
    "symmetric, of a public key": symmetric(RSA["n"]),
    "private RSA": private(rsa_key(), RSAAlgorithm),
    "private RSA to verify with": private(rsa_key(), RSAAlgorithm, key_ops=["verify"]),
    "private EC": private(ec_key(), ECAlgorithm),
    "private Ed25519": private(ed_key(), OKPAlgorithm),
    "another curve": {**ECAlgorithm.to_jwk(BITCOIN, as_dict=True), "kid": "one"},
    "a longer Edwards curve": {**OKPAlgorithm.to_jwk(ED448, as_dict=True), "kid": "one"},
    **{f"kty {kty}": {**RSA, "kty": kty} for kty in (["RSA"], "rsa")},
    **{f"n {n}": {**RSA, "n": n} for n in (None, 3, "é")},
    **{f"e {e}": {**RSA, "e": e} for e in ("AQ", "")},
    "not on its curve": {**jwk(ec_key()), "x": jwk(ec_key())["y"]},
    "of another curve": {**jwk(ec_key()), "crv": "P-384"},
    "cut": {**jwk(ed_key()), "x": "AAAA"},
    "for key agreement": {**jwk(ed_key()), "crv": "X25519"},
}


@pytest.mark.parametrize("key", IGNORED.values(), ids=IGNORED)
def test_malformed_symmetric_and_private_keys_are_ignored(key: Any) -> None:
    assert is_ignored(key)


def test_use_and_key_ops_are_optional() -> None:
    assert read_keys(jwks(jwk(ed_key(), use=None)))
    assert read_keys(jwks(jwk(ed_key(), use=None, key_ops=["verify"])))


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("alg", ["HS256", "none", "RS1", "RSA-OAEP", "ES256", "", 1, ["EdDSA"], {}]),
        ("use", ["enc", "", "SIG", 1, ["sig"]]),
        ("key_ops", [["sign"], ["encrypt", "wrapKey"], [], "verify", 1]),
        ("kid", [None, 1, ["one"]]),
    ],
)
def test_keys_with_unsuitable_members_are_ignored(member: str, values: list[Any]) -> None:
    for value in values:
        assert is_ignored({**jwk(ed_key()), member: value})
        assert is_ignored({**RSA, member: value})


def test_the_first_key_of_a_kid_is_used() -> None:
    keys = read_keys(jwks(jwk(ed_key()), jwk(ed_key("theirs")), jwk(ec_key())))
    assert keys["one"].public == ed_key().public_key()


def test_keys_beyond_the_limit_are_not_read() -> None:
    keys = read_keys(jwks(*(jwk(ed_key(), f"key-{n}") for n in range(MAX_KEYS + 1))))
    assert set(keys) == {f"key-{n}" for n in range(MAX_KEYS)}


def test_keys_are_equal_if_their_material_is() -> None:
    for mine in (rsa_key(), ec_key(), ed_key()):
        assert read_keys(jwks(jwk(mine))) == read_keys(jwks(jwk(mine), 1))
    assert read_keys(jwks(jwk(ed_key()))) != read_keys(jwks(jwk(ed_key("theirs"))))
    assert read_keys(jwks(jwk(rsa_key()))) != read_keys(jwks(jwk(rsa_key(), alg="RS256")))


@pytest.mark.parametrize(
    "document",
    [
        *(b"", b"sentinel", b"\xff\xfe", b"[" * 100_000),
        *(b"null", b"[]", b'"keys"', b"{}", b'{"keys": {}}'),
    ],
)
def test_an_invalid_document_is_refused_without_being_quoted(document: bytes) -> None:
    with pytest.raises(UnreadableKeys, match=r"^the response is not a JWKS$"):
        read_keys(document)


def test_a_document_without_usable_keys_is_refused() -> None:
    with pytest.raises(UnreadableKeys, match=r"^the response has no usable key$"):
        read_keys(b'{"keys": [{"kty": "oct", "kid": "one", "k": "c2VjcmV0"}]}')


def test_an_issuer_may_withdraw_all_its_keys() -> None:
    assert read_keys(jwks()) == {}


@given(document=st.binary() | st.text().map(str.encode))
def test_any_document_gives_keys_or_unreadable_keys(document: bytes) -> None:
    with pytest.raises(UnreadableKeys):
        read_keys(document)


@given(changes=st.dictionaries(st.sampled_from(sorted(RSA)), st.none() | st.integers() | st.text()))
def test_no_key_raises_an_exception(changes: dict[str, Any]) -> None:
    assert "good" in read_keys(json.dumps({"keys": [{**RSA, **changes}, GOOD]}).encode())
