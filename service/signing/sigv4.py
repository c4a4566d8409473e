"""AWS Signature Version 4: one function for each step, with the names of the manual.

Rules of this file: pure; nothing here knows S3 or HTTP. Time and credentials are arguments.
Each step is tested against AWS's published vectors.

The manual: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote

ALGORITHM: Final = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"

_SHA256_BLOCK_BYTES = 64  # FIPS 180-4
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))  # RFC 2104
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A key pair, with a token if it belongs to a session. `repr` shows the key id only."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def percent_encode(text: str, safe: str = "") -> str:
    """Encode everything but `safe` and the unreserved characters of RFC 3986. A space is `%20`."""
    return quote(text, safe=safe)


@lru_cache(maxsize=64)
def amz_date(epoch_seconds: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(epoch_seconds))


def canonical_query(parameters: Iterable[tuple[str, str]]) -> str:
    """The query string, encoded and sorted by encoded name, then value."""
    encoded = sorted((percent_encode(name), percent_encode(value)) for name, value in parameters)
    return "&".join(f"{name}={value}" for name, value in encoded)


def canonical_headers(headers: Mapping[str, str]) -> str:
    """`name:value` lines, sorted. The names must be in lower case."""
    return "".join([f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers)])


def signed_headers(headers: Iterable[str]) -> str:
    return ";".join(sorted(headers))


def canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str], payload_hash: str
) -> str:
    """`path` and `query` must be encoded. S3 neither normalizes the path nor encodes it twice.

    It is for proofs and tests. Requests are signed from `SigningContext` and `HeaderTemplate`, and
    tests compare these with it.
    """
    lines = (method, path, query, canonical_headers(headers), signed_headers(headers), payload_hash)
    return "\n".join(lines)


def credential_scope(date: str, region: str, service: str) -> str:
    """`date` is YYYYMMDD."""
    return f"{date}/{region}/{service}/aws4_request"


def string_to_sign(timestamp: str, scope: str, request: str) -> str:
    digest = hashlib.sha256(request.encode()).hexdigest()
    return string_to_sign_head(timestamp, scope) + digest


def string_to_sign_head(timestamp: str, scope: str) -> str:
    """The string to sign without the digest of the canonical request, which comes last."""
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n"


def signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret_access_key}".encode()
    for message in (date, region, service, "aws4_request"):
        key = hmac.digest(key, message.encode(), "sha256")
    return key


class SigningState:
    """A signing key as two SHA-256 states that have hashed the padded key already (RFC 2104).

    HMAC hashes the key again for each message. Copying a state is three times cheaper, and a
    signing key is used all day.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, head: str = "") -> None:
        """`key` is at most one SHA-256 block long; a signing key has 32 bytes.

        `head` is the start of every message.
        """
        block = key.ljust(_SHA256_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER_PAD) + head.encode())
        self._outer = hashlib.sha256(block.translate(_OUTER_PAD))

    def signature(self, string: str) -> str:
        """Return the signature of `head` and `string`."""
        inner = self._inner.copy()
        inner.update(string.encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()
