"""Who sent a token. Verifying takes some 60 µs, so what was verified is kept until it expires.

What is kept is a token's digest, never the token, and never a refusal: with those anybody could
fill the memory. A verified token counts no longer than its issuer's keys stay what they were.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from service.access.callers import Identity
from service.auth.jwks_cache import JwksCache
from service.auth.tokens import (
    LEEWAY,
    MAX_TOKEN_LENGTH,
    Issuer,
    UnverifiedHeader,
    VerifiedToken,
    parse_unverified_header,
    verify,
)
from service.clock import Clock
from service.errors import Overloaded

log = logging.getLogger(__name__)

MAX_TOKENS: Final = 4096  # some 2 KiB each, whatever else they claim


@dataclass(frozen=True, slots=True)
class _Kept:
    token: VerifiedToken
    keys: JwksCache
    generation: int

    def is_good(self, now: float) -> bool:
        return now < self.token.expires_at + LEEWAY and self.generation == self.keys.generation


class TokenVerifier:
    def __init__(self, issuers: Sequence[tuple[Issuer, JwksCache]], *, clock: Clock) -> None:
        """Issuers may share an `iss`, as clusters do: then the first whose key verifies is meant."""
        self._issuers = issuers
        self._clock = clock
        self._kept: dict[bytes, _Kept] = {}
        self._reported: set[frozenset[str]] = set()  # issuers that share a key, by their names

    def replace(self, issuers: Sequence[tuple[Issuer, JwksCache]]) -> None:
        """Verify by these from now on. Their keys are started and stopped by whoever made them."""
        self._issuers = issuers
        self._kept.clear()
        self._reported.clear()

    def known(self, token: str) -> Identity | None:
        """Who sent it, if that is known from before: the same object as then."""
        if len(token) > MAX_TOKEN_LENGTH:
            return None
        digest = _digest(token)
        kept = self._kept.get(digest)
        if kept is None:
            return None
        if kept.is_good(self._clock.wall()):
            return kept.token.identity
        del self._kept[digest]
        return None

    async def identify(self, token: str) -> Identity | None:
        """Raises `Overloaded` if an issuer that could have made it has no keys, and no other did."""
        if (identity := self.known(token)) is not None:
            return identity
        head = parse_unverified_header(token)
        while head is not None:
            issuers = self._issuers
            try:
                kept = await self._verified(token, head)
            except Overloaded:
                if issuers is self._issuers:
                    raise
            else:
                if issuers is self._issuers:
                    return None if kept is None else self._keep(token, kept)
            # Others were set while we waited for a key: what the old ones say counts no more.
        return None

    def start(self) -> None:
        """Begin to fetch the keys; whoever made them stops them."""
        for _, keys in self._issuers:
            keys.start()

    async def _verified(self, token: str, head: UnverifiedHeader) -> _Kept | None:
        overloaded = None
        for issuer, keys in self._candidates(head):
            try:
                key = await keys.find(head.kid)
            except Overloaded as error:
                overloaded = error
                continue
            verified = None if key is None else verify(token, issuer=issuer, key=key)
            if verified is not None:
                kept = _Kept(verified, keys, keys.generation)
                return None if await self._is_anothers(token, head, issuer) else kept
        if overloaded is not None:
            raise overloaded
        return None

    async def _is_anothers(self, token: str, head: UnverifiedHeader, first: Issuer) -> bool:
        """Whether a second issuer's key verifies it too: one that published another's key, or by mistake."""
        for issuer, keys in self._candidates(head):
            if issuer is first or not keys.knows(head.kid):
                continue
            key = await keys.find(head.kid)
            if key is not None and verify(token, issuer=issuer, key=key) is not None:
                self._report_shared_key(first, issuer)
                return True
        return False

    def _report_shared_key(self, first: Issuer, second: Issuer) -> None:
        """Once for each pair until the configuration changes: any holder of such a token could flood the log."""
        pair = frozenset({first.name, second.name})
        if pair not in self._reported:
            self._reported.add(pair)
            log.error("issuers %s and %s have a key in common", first.name, second.name)

    def _candidates(self, head: UnverifiedHeader) -> list[tuple[Issuer, JwksCache]]:
        """Who has the key comes first: one that hangs must not hold up another's tokens."""
        named = [each for each in self._issuers if each[0].issuer == head.issuer]
        return sorted(named, key=lambda each: not each[1].knows(head.kid))

    def _keep(self, token: str, kept: _Kept) -> Identity:
        """Of many who verified the same token together, the last one's stays."""
        if len(self._kept) >= MAX_TOKENS:
            del self._kept[next(iter(self._kept))]
        self._kept[_digest(token)] = kept
        return kept.token.identity


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="surrogatepass")).digest()
