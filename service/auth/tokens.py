"""JSON Web Tokens, and the keys that verify them. Pure, but for the hour: PyJWT asks the wall clock.

Rules of this file:
- What a token says of itself decides nothing. `kid` and `iss` only find a key to try, and a key
  comes with the algorithms that it may be used with; `jku`, `x5u`, `jwk` and `x5c` are never read.
- Only asymmetric keys are read, so no public key can be taken for a secret (HS256).
- Whatever a token holds, the answer is None and no exception. Why is nobody's business.

PyJWT leaves to us: how long a token lives, what kind of number a time is (it takes "1767225600" and
true), and an `exp` or `aud` that is not there.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from service.access.callers import Claims, Identity, named_claims
from service.access.grants import Caller

LEEWAY: Final = 10  # seconds that the issuer's clock and ours may differ by
MAX_TOKEN_LENGTH: Final = 8192  # a Kubernetes token has about 1,000 characters
MAX_KEYS: Final = 100
MAX_SUBJECT_LENGTH: Final = 255  # OpenID Connect Core, section 2
_RSA_BITS: Final = range(2048, 8192 + 1)  # RFC 7518, section 3.3; above, a check takes too long
_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_ED25519: Final = "EdDSA"
_ALGORITHMS: Final = (*_RSA, *_CURVES.values(), _ED25519)
_READERS: Final = {
    "RSA": RSAAlgorithm.from_jwk,
    "EC": ECAlgorithm.from_jwk,
    "OKP": OKPAlgorithm.from_jwk,
}
# Stricter than PyJWT, which takes "=" at the end: one token is to have one spelling.
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REQUIRED: Final = ["exp", "iat", "aud", "iss", "sub"]

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


class UnreadableKeys(ValueError):
    """A document has no key that we can use. The words quote nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """`name` is the one in the configuration, `issuer` the `iss` of its tokens, to the letter.

    `pointers` are the JSON pointers of the claims that the configuration names: no other is kept.
    """

    name: str
    issuer: str
    audience: str
    max_lifetime_seconds: int
    pointers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """Equal to another of the same material and algorithms."""

    public: PublicKey
    algorithms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedHeader:
    """Not verified: good for nothing but to find the key to try."""

    kid: str
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """`expires_at` is in epoch seconds by the issuer's clock, without the leeway."""

    identity: Identity
    expires_at: float


def read_keys(document: bytes) -> Mapping[str, VerificationKey]:
    """The keys of a JWKS by their `kid`; the first of those that share one.

    What we cannot use is left out: a new kind of key must not end the use of the others. Raises
    `UnreadableKeys` if nothing is left; but an issuer that names no key has withdrawn them all.
    """
    keys: dict[str, VerificationKey] = {}
    jwks = _jwks(document)
    for jwk in jwks[:MAX_KEYS]:
        if (key := _read_key(jwk)) is not None:
            keys.setdefault(jwk["kid"], key)
    if not keys and jwks:
        raise UnreadableKeys("the answer has no key that we can use")
    return keys


def parse_unverified_header(token: str) -> UnverifiedHeader | None:
    if not _is_shaped(token):
        return None
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except Exception:  # noqa: BLE001 - a sender chooses what is parsed, and so what is raised
        return None
    header, kid, issuer = parts["header"], parts["header"].get("kid"), parts["payload"].get("iss")
    if header.get("alg") not in _ALGORITHMS or "crit" in header:
        return None
    if not isinstance(kid, str) or not isinstance(issuer, str):
        return None
    return UnverifiedHeader(kid=kid, issuer=issuer)


def verify(token: str, *, issuer: Issuer, key: VerificationKey) -> VerifiedToken | None:
    """Whom the token makes known, if it is good by the machine's wall clock.

    That clock is PyJWT's own choice. It cannot be handed in, so tests make tokens for the true hour.
    """
    if not _is_shaped(token):
        return None
    try:
        return _verified(_claims(token, issuer, key), issuer)
    except Exception:  # noqa: BLE001 - a sender chooses what is parsed, and so what is raised
        return None


def _claims(token: str, issuer: Issuer, key: VerificationKey) -> Claims:
    parts = jwt.decode_complete(
        token,
        key.public,
        algorithms=key.algorithms,
        audience=issuer.audience,
        issuer=issuer.issuer,
        leeway=LEEWAY,
        options={"require": _REQUIRED, "enforce_minimum_key_length": True},
    )
    if "crit" in parts["header"]:  # PyJWT knows one extension; we know none
        raise jwt.InvalidTokenError
    claims: Claims = parts["payload"]
    return claims


def _verified(claims: Claims, issuer: Issuer) -> VerifiedToken | None:
    times = [claims["exp"], claims["iat"], claims.get("nbf", 0)]
    if not all(_is_number(time) for time in times):
        return None
    if claims["exp"] - claims["iat"] > issuer.max_lifetime_seconds:
        return None
    if not _is_subject(claims["sub"]):
        return None
    caller = Caller(issuer=issuer.name, subject=claims["sub"])
    identity = Identity(caller, named_claims(claims, issuer.pointers))
    return VerifiedToken(identity=identity, expires_at=float(int(claims["exp"])))  # as PyJWT counts


def _is_shaped(token: str) -> bool:
    return len(token) <= MAX_TOKEN_LENGTH and _SHAPE.fullmatch(token) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_subject(value: Any) -> bool:
    """Without what turns a log line around or breaks it: control characters, lone surrogates."""
    return isinstance(value, str) and 0 < len(value) <= MAX_SUBJECT_LENGTH and value.isprintable()


def _jwks(document: bytes) -> list[Any]:
    try:
        keys = json.loads(document)["keys"]
    except (ValueError, RecursionError, LookupError, TypeError):
        raise UnreadableKeys("the answer is no JWKS") from None
    if not isinstance(keys, list):
        raise UnreadableKeys("the answer is no JWKS")
    return keys


def _read_key(jwk: Any) -> VerificationKey | None:
    if not isinstance(jwk, dict) or not _is_for_signatures(jwk):
        return None
    try:
        key = _READERS[jwk["kty"]](jwk)
    except Exception:  # noqa: BLE001 - PyJWT and cryptography raise what they like
        return None
    pinned = jwk.get("alg")
    algorithms = tuple(each for each in _fitting(key) if pinned in (None, each))
    if not algorithms or not isinstance(key, PublicKey):
        return None
    return VerificationKey(public=key, algorithms=algorithms)


def _is_for_signatures(jwk: Mapping[str, Any]) -> bool:
    kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    if not isinstance(kid, str) or not isinstance(operations, list):
        return False
    return jwk.get("use", "sig") == "sig" and "verify" in operations


def _fitting(key: object) -> tuple[str, ...]:
    """The algorithms that fit; none for a key of another kind, or one whose secret half is told."""
    match key:
        case RSAPublicKey() if key.key_size in _RSA_BITS:
            return _RSA
        case EllipticCurvePublicKey() if key.curve.name in _CURVES:
            return (_CURVES[key.curve.name],)
        case Ed25519PublicKey():
            return (_ED25519,)
        case _:
            return ()
