"""JSON Web Tokens, and the keys that verify them. Pure, except that PyJWT reads the wall clock.

Rules of this file:
- A token decides nothing about its own verification. `kid` and `iss` only find a key to try, and
  the key determines the algorithms. `jku`, `x5u`, `jwk` and `x5c` are never read.
- Only asymmetric keys are read, so no public key can be used as a secret (HS256).
- An invalid token gives None, never an exception or a reason.

PyJWT does not check how long a token lives, that a time is a number (it accepts "1767225600" and
true), or that `exp` and `aud` are present.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from service.access.callers import Identity
from service.access.claims import Claims, NamedClaims, named_claims
from service.access.grants import Caller

LEEWAY: Final = 10  # seconds by which the issuer's clock may differ from ours
# A Kubernetes token has about 1,000 characters, one of Entra ID with 200 groups 13,000. The headers
# of a request have at most 16 KiB.
MAX_TOKEN_LENGTH: Final = 14_336
MAX_KEYS: Final = 100
MAX_SUBJECT_LENGTH: Final = 255  # OpenID Connect Core, section 2
_RSA_BITS: Final = range(2048, 8192 + 1)  # RFC 7518, section 3.3; longer keys are too slow
_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_ED25519: Final = "EdDSA"
_ALGORITHMS: Final = (*_RSA, *_CURVES.values(), _ED25519)
_READERS: Final = {
    "RSA": RSAAlgorithm.from_jwk,
    "EC": ECAlgorithm.from_jwk,
    "OKP": OKPAlgorithm.from_jwk,
}
# Stricter than PyJWT, which accepts "=" at the end: a token must have only one spelling.
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
REQUIRED: Final = ["exp", "iat", "aud", "iss", "sub"]

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


class UnreadableKeys(ValueError):
    """A document has no usable key. The message quotes nothing from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """`name` is its name in the configuration, `issuer` the exact `iss` of its tokens.

    A token for any of `audiences` is accepted. `named` are the claims in the configuration; no
    others are stored.
    """

    name: str
    issuer: str
    audiences: tuple[str, ...]
    max_lifetime_seconds: int
    named: NamedClaims = field(default_factory=NamedClaims)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    public: PublicKey
    algorithms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedHeader:
    """Not verified: only good for finding the key to try."""

    kid: str
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """`expires_at` is in epoch seconds by the issuer's clock, without the leeway."""

    identity: Identity
    expires_at: float


def read_keys(document: bytes) -> Mapping[str, VerificationKey]:
    """Return the keys of a JWKS by their `kid`. If several share one, the first counts.

    Unusable keys are left out, so that a new kind of key does not disable the others. Raises
    UnreadableKeys if none is left. An empty list means that the issuer has withdrawn all keys.
    """
    try:
        jwks = json.loads(document)["keys"]
    except (ValueError, RecursionError, LookupError, TypeError):
        jwks = None
    if not isinstance(jwks, list):
        raise UnreadableKeys("the response is not a JWKS")
    keys: dict[str, VerificationKey] = {}
    for jwk in jwks[:MAX_KEYS]:
        if (key := _read_key(jwk)) is not None:
            keys.setdefault(jwk["kid"], key)
    if not keys and jwks:
        raise UnreadableKeys("the response has no usable key")
    return keys


def parse_unverified_header(token: str) -> UnverifiedHeader | None:
    if not _has_valid_shape(token):
        return None
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except Exception:  # noqa: BLE001 - the sender chooses what is parsed, and so what is raised
        return None
    header, kid, issuer = parts["header"], parts["header"].get("kid"), parts["payload"].get("iss")
    if header.get("alg") not in _ALGORITHMS or "crit" in header:
        return None
    if not isinstance(kid, str) or not isinstance(issuer, str):
        return None
    return UnverifiedHeader(kid=kid, issuer=issuer)


def verify(token: str, *, issuer: Issuer, key: VerificationKey) -> VerifiedToken | None:
    """Return the caller that a valid token names, or None.

    PyJWT reads the machine's wall clock, so tests make their tokens for the current time.
    """
    return _verify(token, issuer, key)


def has_expired(token: str, *, issuer: Issuer, key: VerificationKey) -> bool:
    """Return whether a token was valid and no longer is. It names no caller any more."""
    is_valid = _verify(token, issuer, key) is not None
    return not is_valid and _verify(token, issuer, key, verify_exp=False) is not None


def _verify(
    token: str, issuer: Issuer, key: VerificationKey, *, verify_exp: bool = True
) -> VerifiedToken | None:
    if not _has_valid_shape(token):
        return None
    try:
        parts = jwt.decode_complete(
            token,
            key.public,
            algorithms=key.algorithms,
            audience=issuer.audiences,
            issuer=issuer.issuer,
            leeway=LEEWAY,
            options={
                "require": REQUIRED,
                "enforce_minimum_key_length": True,
                "verify_exp": verify_exp,
            },
        )
        # PyJWT supports one critical extension; we support none.
        return None if "crit" in parts["header"] else token_of(parts["payload"], issuer)
    except Exception:  # noqa: BLE001 - the sender chooses what is parsed, and so what is raised
        return None


def token_of(claims: Claims, issuer: Issuer) -> VerifiedToken | None:
    """Return the caller that the claims of a verified token name, or None. Raises KeyError."""
    times = [claims["exp"], claims["iat"], claims.get("nbf", 0)]
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
        return None
    if claims["exp"] - claims["iat"] > issuer.max_lifetime_seconds:
        return None
    subject = claims["sub"]
    # Printable: no control character or lone surrogate may break or reverse a log line.
    if not isinstance(subject, str) or not subject.isprintable():
        return None
    if not 0 < len(subject) <= MAX_SUBJECT_LENGTH:
        return None
    caller = Caller(issuer=issuer.name, subject=subject)
    named = issuer.named
    identity = Identity(
        caller,
        named_claims(claims, named.pointers),
        facts=named.facts_in(claims),
        claims_left_out=named.left_out(claims),
    )
    return VerifiedToken(identity=identity, expires_at=float(int(claims["exp"])))  # as PyJWT counts


def _has_valid_shape(token: str) -> bool:
    return len(token) <= MAX_TOKEN_LENGTH and _SHAPE.fullmatch(token) is not None


def _read_key(jwk: Any) -> VerificationKey | None:
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
        return None
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list):
        return None
    try:
        key = _READERS[jwk["kty"]](jwk)
    except Exception:  # noqa: BLE001 - PyJWT and cryptography raise anything
        return None
    pinned = jwk.get("alg")
    algorithms = tuple(each for each in _algorithms_for(key) if pinned in (None, each))
    if not algorithms or not isinstance(key, PublicKey) or "verify" not in operations:
        return None
    return VerificationKey(public=key, algorithms=algorithms)


def _algorithms_for(key: object) -> tuple[str, ...]:
    """Return the algorithms for this key, none if it is of another kind or a private key."""
    match key:
        case RSAPublicKey() if key.key_size in _RSA_BITS:
            return _RSA
        case EllipticCurvePublicKey() if key.curve.name in _CURVES:
            return (_CURVES[key.curve.name],)
        case Ed25519PublicKey():
            return (_ED25519,)
        case _:
            return ()
