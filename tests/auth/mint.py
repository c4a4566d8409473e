"""Makes keys and tokens, valid and forged, and verifies them, in real time: see `tokens.verify`."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Hashable, Mapping
from functools import cache, wraps
from threading import Lock
from typing import Any, Final, TypeVar

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from service.auth.tokens import (
    Issuer,
    VerificationKey,
    VerifiedToken,
    parse_unverified_header,
    read_keys,
    verify,
)

ISSUER: Final = Issuer(
    name="cluster-a",
    issuer="https://kubernetes.default.svc",
    audiences=("presign",),
    max_lifetime_seconds=86_400,
)
SUBJECT: Final = "system:serviceaccount:billing:api"
KID: Final = "one"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Key = TypeVar("Key", bound=PrivateKey)
_MAKING: Final = Lock()


def made_once(make: Callable[..., Key]) -> Callable[..., Key]:
    """Like `cache`, for threads: it alone would give two threads that ask at once two keys."""
    cached = cache(make)

    @wraps(make)
    def one(*args: Hashable, **kwargs: Hashable) -> Key:
        with _MAKING:
            return cached(*args, **kwargs)

    return one


@made_once
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@made_once
def ec_key(curve: str = "P-256") -> ec.EllipticCurvePrivateKey:
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    return ec.generate_private_key(curves[curve])


@made_once
def ed_key(name: str = "ours") -> ed25519.Ed25519PrivateKey:
    """Return another key for each name."""
    return ed25519.Ed25519PrivateKey.generate()


def jwk(key: PrivateKey, kid: str = KID, **changes: Any) -> dict[str, Any]:
    """Return the public key. Members that are None are left out."""
    public: dict[str, Any]
    match key:
        case rsa.RSAPrivateKey():
            public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case ec.EllipticCurvePrivateKey():
            public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case _:
            public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return _without_none({**public, "kid": kid, "use": "sig", **changes})


def jwks(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def verification_key(key: PrivateKey, **changes: Any) -> VerificationKey:
    return read_keys(jwks(jwk(key, **changes)))[KID]


def claims(**changes: Any) -> dict[str, Any]:
    """Return claims for an hour, a minute old. Claims that are None are left out."""
    now = int(time.time())
    times = {"iat": now - 60, "nbf": now - 60, "exp": now + 3540}
    ours = {"iss": ISSUER.issuer, "sub": SUBJECT, "aud": [ISSUER.audiences[0]]}
    return _without_none({**ours, **times, **changes})


def make_token(key: PrivateKey | None = None, *, alg: str = "EdDSA", **changes: Any) -> str:
    """Return a token that is valid unless `changes` of the claims make it invalid."""
    return signed(json.dumps(claims(**changes)), key, alg=alg)


def signed(
    payload: str,
    key: PrivateKey | None = None,
    *,
    alg: str = "EdDSA",
    head: Mapping[str, Any] | None = None,
) -> str:
    """Sign any payload."""
    headers = {"kid": KID, **(head or {})}
    return jwt.PyJWS().encode(payload.encode(), key or ed_key(), algorithm=alg, headers=headers)


def unsigned(head: Any, payload: Any, signature: bytes = b"none") -> str:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in (head, payload)]
    return ".".join(_base64(each) for each in (texts[0].encode(), texts[1].encode(), signature))


def signed_verbatim(head: Any) -> str:
    """Sign a header that PyJWT refuses to write."""
    head, payload, _ = unsigned(head, claims()).split(".")
    return f"{head}.{payload}.{_base64(ed_key().sign(f'{head}.{payload}'.encode()))}"


def signed_with_secret(secret: bytes) -> str:
    """Sign with HS256. PyJWT itself refuses to use a public key as secret."""
    head, payload, _ = unsigned({"alg": "HS256", "typ": "JWT", "kid": KID}, claims()).split(".")
    signature = hmac.digest(secret, f"{head}.{payload}".encode(), "sha256")
    return f"{head}.{payload}.{_base64(signature)}"


def verified(token: str, key: VerificationKey | None = None) -> VerifiedToken | None:
    return verify(token, issuer=ISSUER, key=key or verification_key(ed_key()))


def is_good(token: str, key: VerificationKey | None = None) -> bool:
    """Return whether both steps accept it."""
    return parse_unverified_header(token) is not None and verified(token, key) is not None


def is_refused(token: str, key: VerificationKey | None = None) -> bool:
    """Return whether `verify` refuses it, whatever its header is."""
    return verified(token, key) is None


def in_(seconds: float) -> float:
    return time.time() + seconds


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
