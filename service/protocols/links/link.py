"""A share link, and its compact binary form. Pure.

A link in a mail or a chat should stay short, so the form has no names of fields, and numbers take
as few bytes as they need. Text is UTF-8. Only `tickets.py` reads and writes the form, and only
sealed, so what is read here has been written here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from service.access.callers import Identity
from service.access.claims import NO_FACTS, Facts
from service.access.grants import AccessRequest, Caller, Operation

SALT_BYTES: Final = 6
_TIME_BYTES: Final = 4  # seconds until the year 2106

_IS_PREFIX: Final = 1
_IS_UPLOAD: Final = 2
_HAS_ISSUER: Final = 4
_HAS_CLAIMS: Final = 8
_HAS_NOT_BEFORE: Final = 16
_HAS_MAX_USES: Final = 32
_HAS_FILENAME: Final = 64
_HAS_FACTS: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link: its maker, its object, its times and its limits. Times are in epoch seconds.

    `claims` and `facts` are those that the maker's grants used when the link was made. With
    `is_prefix` the link reaches what is below `key`. `operation` is `download` or `upload`.
    `not_before` is no earlier than `issued_at`. `salt` is random, so that no two links are equal.
    `label` says who shares or asks, and `message` what for: the maker's words, for visitors.
    """

    caller: Caller
    bucket: str
    key: str
    issued_at: int
    expires_at: int
    salt: bytes = field(repr=False)
    claims: Mapping[str, str] = field(default_factory=dict, repr=False)
    facts: Facts = field(default=NO_FACTS, repr=False)
    operation: Operation = Operation.DOWNLOAD
    is_prefix: bool = False
    not_before: int | None = None
    max_uses: int | None = None
    filename: str | None = None
    label: str | None = None
    message: str | None = None

    def maker(self) -> Identity:
        """Return the identity that each use of the link is decided for."""
        return Identity(self.caller, self.claims, by_link=True, facts=self.facts)

    def access(self) -> AccessRequest:
        """Return what its maker needs a grant for, in addition to `link`."""
        return AccessRequest(
            operation=self.operation, bucket=self.bucket, key=self.key, is_prefix=self.is_prefix
        )


def pack(link: Link) -> bytes:
    """Return the binary form of a link."""
    flags = (
        _IS_PREFIX * link.is_prefix
        | _IS_UPLOAD * (link.operation is Operation.UPLOAD)
        | _HAS_ISSUER * (link.caller.issuer is not None)
        | _HAS_CLAIMS * bool(link.claims)
        | _HAS_NOT_BEFORE * (link.not_before is not None)
        | _HAS_MAX_USES * (link.max_uses is not None)
        | _HAS_FILENAME * (link.filename is not None)
        | _HAS_FACTS * bool(link.facts)
    )
    packed = bytearray([flags])
    packed += link.salt
    packed += link.issued_at.to_bytes(_TIME_BYTES)
    packed += _number(link.expires_at - link.issued_at)
    if link.not_before is not None:
        packed += _number(link.not_before - link.issued_at)
    if link.max_uses is not None:
        packed += _number(link.max_uses)
    if link.filename is not None:
        packed += _text(link.filename)
    if link.caller.issuer is not None:
        packed += _text(link.caller.issuer)
    packed += _text(link.caller.subject)
    if link.claims:
        packed += _pairs(link.claims.items())
    packed += _text(link.bucket) + _text(link.key)
    if link.facts:
        packed += _pairs(link.facts)
    if link.label is not None or link.message is not None:
        # No flag is left for them. An empty one is none.
        packed += _text(link.label or "") + _text(link.message or "")
    return bytes(packed)


def unpack(packed: bytes) -> Link:
    """Return the link of a binary form that `pack` made."""
    read = _PackedReader(packed)
    flags = read.bytes(1)[0]
    salt = read.bytes(SALT_BYTES)
    issued_at = int.from_bytes(read.bytes(_TIME_BYTES))
    expires_at = issued_at + read.number()
    not_before = issued_at + read.number() if flags & _HAS_NOT_BEFORE else None
    max_uses = read.number() if flags & _HAS_MAX_USES else None
    filename = read.text() if flags & _HAS_FILENAME else None
    issuer = read.text() if flags & _HAS_ISSUER else None
    subject = read.text()
    claims = dict(read.pairs() if flags & _HAS_CLAIMS else ())
    bucket, key = read.text(), read.text()
    facts = frozenset(read.pairs() if flags & _HAS_FACTS else ())
    has_words = not read.is_at_end
    return Link(
        caller=Caller(issuer=issuer, subject=subject),
        bucket=bucket,
        key=key,
        facts=facts,
        issued_at=issued_at,
        expires_at=expires_at,
        salt=salt,
        claims=claims,
        operation=Operation.UPLOAD if flags & _IS_UPLOAD else Operation.DOWNLOAD,
        is_prefix=bool(flags & _IS_PREFIX),
        not_before=not_before,
        max_uses=max_uses,
        filename=filename,
        label=(read.text() or None) if has_words else None,
        message=(read.text() or None) if has_words else None,
    )


def pack_caller(caller: Caller) -> bytes:
    """Return bytes that no other caller has."""
    issuer = b"" if caller.issuer is None else _text(caller.issuer)
    return _text(caller.subject) + issuer


class _PackedReader:
    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._packed)

    def bytes(self, count: int) -> bytes:
        self._at += count
        return self._packed[self._at - count : self._at]

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.bytes(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def pairs(self) -> list[tuple[str, str]]:
        return [(self.text(), self.text()) for _ in range(self.number())]

    def text(self) -> str:
        return self.bytes(self.number()).decode("utf-8", "surrogatepass")


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first. All bytes but the last have their highest bit set."""
    packed = bytearray()
    while value >= 0x80:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def _pairs(pairs: Collection[tuple[str, str]]) -> bytes:
    return _number(len(pairs)) + b"".join(map(_text, chain.from_iterable(sorted(pairs))))


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")  # a token's subject may have a lone surrogate
    return _number(len(encoded)) + encoded
