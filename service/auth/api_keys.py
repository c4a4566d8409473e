"""API keys: random strings of 256 bits, of which only the SHA-256 is stored.

A slow hash would protect guessable passwords. These keys cannot be guessed, so SHA-256 is enough,
and cheap enough for every request.
"""

import hmac
import secrets
from collections.abc import Iterable
from hashlib import sha256

from service.access.callers import Identity

_KEY_BYTES = 32
_INDEX_CHARACTERS = 8


class ApiKeys:
    """Finds callers by their key. It looks up digests, which no sender can control."""

    def __init__(self, digests: Iterable[tuple[str, Identity]]) -> None:
        """`digests` are SHA-256 in lower-case hex, each with its caller."""
        self._by_index: dict[str, list[tuple[str, Identity]]] = {}
        for digest, identity in digests:
            self._by_index.setdefault(digest[:_INDEX_CHARACTERS], []).append((digest, identity))

    def identify(self, key: str) -> Identity | None:
        digest = digest_of(key)
        found = None
        for known, identity in self._by_index.get(digest[:_INDEX_CHARACTERS], ()):
            if hmac.compare_digest(known, digest):
                found = identity
        return found


def digest_of(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def new_key() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)
