"""CloudFront's signed URLs and cookies. Pure.

docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html

A URL has a canned policy: its own address and one end, so the policy need not be in it. Cookies
have a custom policy, whose resource is a pattern. SHA-256 always: without `Hash-Algorithm`
CloudFront expects SHA-1.

Signatures are deterministic, those of ECDSA by RFC 6979: equal requests get equal URLs.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from service.signing.signer import encode_key

MAX_DELIVERY_SECONDS: Final = 31_536_000  # a year; CloudFront itself has no limit
HASH_ALGORITHM: Final = "SHA256"
# CloudFront accepts RSA of 2048 bits and ECDSA on P-256:
# …/AmazonCloudFront/latest/DeveloperGuide/private-content-trusted-signers.html
_RSA_BITS: Final = 2048
_NO_KEY: Final = "write the path of a readable file with a private key in PEM"
_ENCRYPTED: Final = (
    "the key is encrypted, and nobody is there to type its passphrase; write a copy without one, "
    "as `openssl pkey -in encrypted.pem -out key.pem` makes it"
)
_WRONG_KIND: Final = "CloudFront takes keys of RSA with 2048 bits and of ECDSA on P-256 only"
_TO_URL: Final = bytes.maketrans(b"+=/", b"-_~")

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey


def read_private_key(pem: bytes) -> PrivateKey:
    """Return the key of a PEM, in PKCS#1, SEC 1 or PKCS#8.

    Raises ValueError, which says what to write and repeats nothing of `pem`.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError(_ENCRYPTED) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(_NO_KEY) from None
    if isinstance(key, RSAPrivateKey) and key.key_size == _RSA_BITS:
        return key
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return key
    raise ValueError(_WRONG_KIND)


@dataclass(frozen=True, slots=True, eq=False)
class CloudFrontSigner:
    """Signs with one key. `key_pair_id` is CloudFront's id of its public key."""

    key_pair_id: str
    private_key: PrivateKey = field(repr=False)

    def members(self) -> tuple[tuple[str, str], ...]:
        """Return what an audit line says of who signed."""
        return (("key_pair_id", self.key_pair_id),)

    def url(self, resource: str, *, expires_at: int) -> str:
        """Return the signed URL of `resource`, an encoded URL that may have a query."""
        signature = self._signature(_policy(resource, expires_at))
        separator = "&" if "?" in resource else "?"
        return (
            f"{resource}{separator}Expires={expires_at}&Signature={signature}"
            f"&Key-Pair-Id={self.key_pair_id}&Hash-Algorithm={HASH_ALGORITHM}"
        )

    def cookies(self, resource: str, *, expires_at: int) -> dict[str, str]:
        """Return the cookies that open each URL which `resource` matches: `*` is any text."""
        policy = _policy(resource, expires_at)
        return {
            "CloudFront-Policy": _encoded(policy.encode()),
            "CloudFront-Signature": self._signature(policy),
            "CloudFront-Key-Pair-Id": self.key_pair_id,
            "CloudFront-Hash-Algorithm": HASH_ALGORITHM,
        }

    def _signature(self, policy: str) -> str:
        message, key = policy.encode(), self.private_key
        if isinstance(key, RSAPrivateKey):
            return _encoded(key.sign(message, PKCS1v15(), SHA256()))
        return _encoded(key.sign(message, ECDSA(SHA256(), deterministic_signing=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudFrontContext:
    """Everything in a signed URL but the key, as a `SigningContext`.

    `origin` is the distribution's address, without a slash at its end. `query` is encoded.
    """

    headers: ClassVar[Mapping[str, str]] = MappingProxyType({})  # no policy binds any

    signer: CloudFrontSigner
    origin: str
    expires_at: int
    query: str = ""

    def url(self, key: str) -> str:
        """Return the URL of a key that was checked (`validation.py`)."""
        return self.urls([encode_key(key)])[0]

    def urls(self, paths: Iterable[str]) -> list[str]:
        """Return the URLs of encoded keys."""
        head, tail = f"{self.origin}/", self.query and f"?{self.query}"
        sign, end = self.signer.url, self.expires_at
        return [sign(f"{head}{path}{tail}", expires_at=end) for path in paths]


def folder_url(origin: str, prefix: str) -> str:
    """Return the address of a prefix that was checked. With `*` after it, it is a pattern.

    A key's own `*` and `?` are encoded, so that a policy does not read them as wildcards.
    """
    return f"{origin}/{encode_key(prefix)}"


def _policy(resource: str, expires_at: int) -> str:
    """Return the policy as CloudFront builds it again from a URL: without spaces, in this order."""
    end = f'{{"DateLessThan":{{"AWS:EpochTime":{expires_at}}}}}'
    return f'{{"Statement":[{{"Resource":"{resource}","Condition":{end}}}]}}'


def _encoded(content: bytes) -> str:
    return b64encode(content).translate(_TO_URL).decode()
