"""Seals share links into tickets, and opens them. Pure.

A ticket is the name of its key, and the link, sealed by AES-SIV (RFC 5297). That takes 16 bytes,
and AES-GCM 28. AES-SIV needs no nonce while plaintexts are unique; the link's salt guarantees that.

Links live for a year, but no ticket has a version. Another form would be sealed by ciphers that are
derived from the same key for other purposes than `seal` and `store`. What a cipher opens has the
form that it seals, so `decrypt` would try both.

A link's id is its end, its salt, and a MAC over them and the maker. So the service knows without
any store whether an id is one of a caller's own links, and when that link ends.

The store of links keeps links sealed by another cipher of the same key. That text opens no link:
nobody who reads the store gets a ticket, and nobody who writes to it can make one.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from service.access.grants import Caller
from service.protocols.links.link import SALT_BYTES, Link, pack, pack_caller, unpack

ID_PREFIX: Final = "lnk_"
_TIME_BYTES: Final = 4
_VISIT_MAC_BYTES: Final = 12
_MAC_BYTES: Final = 8  # 18 bytes in all: base64 has no spare bits then


@dataclass(frozen=True, slots=True)
class LinkTicket:
    """A sealed link: its text is all that a user of the link has, and needs."""

    link: Link
    id: str
    text: str = field(repr=False)


class LinkKeys:
    """The first key seals, all of them open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """There is at least one key, each of 32 random bytes."""
        self._keys = [_Key(key) for key in keys]

    def __len__(self) -> int:
        return len(self._keys)

    def seal(self, link: Link) -> LinkTicket:
        """Return the ticket of a link. Equal links have equal tickets."""
        key = self._keys[0]
        return LinkTicket(link, key.id_of(link.caller, link.expires_at, link.salt), key.seal(link))

    def open_ticket(self, text: str) -> LinkTicket | None:
        """Return the ticket with this text, or None if none of the keys has sealed it."""
        data = _decoded(text) or b""
        for key in self._keys:
            if (link := key.decrypt(data)) is not None:
                return LinkTicket(link, key.id_of(link.caller, link.expires_at, link.salt), text)
        return None

    def seal_for_store(self, link: Link) -> bytes:
        """Return what the store keeps of a link. It is no ticket, and nothing without a key."""
        return self._keys[0].seal_for_store(link)

    def open_from_store(self, sealed: bytes) -> LinkTicket | None:
        """Return the ticket that the link has, sealed by the same key, or None if no key has it."""
        for key in self._keys:
            if (found := key.open_from_store(sealed)) is not None:
                link, text = found
                return LinkTicket(link, key.id_of(link.caller, link.expires_at, link.salt), text)
        return None

    def visit_of(self, link_id: str, visitor: str) -> str:
        """Return a text that proves that this visitor of the link is one of the service's."""
        return f"{visitor}.{self._keys[0].mac_of_visit(link_id, visitor)}"

    def visitor_of(self, link_id: str, visit: str) -> str | None:
        """Return whose visit of the link it is, or None if no key has made the text."""
        visitor, _, mac = visit.rpartition(".")
        macs = (key.mac_of_visit(link_id, visitor) for key in self._keys)
        is_ours = any(hmac.compare_digest(own.encode(), mac.encode()) for own in macs)
        return visitor if is_ours else None

    def end_of(self, link_id: str, caller: Caller) -> int | None:
        """Return when the caller's link with this id ends, in epoch seconds.

        None for any other text, be it the id of another caller's link or no id at all.
        """
        data = _decoded(link_id.removeprefix(ID_PREFIX))
        if data is None:
            return None
        expires_at = int.from_bytes(data[:_TIME_BYTES])
        salt = data[_TIME_BYTES : _TIME_BYTES + SALT_BYTES]
        ids = (key.id_of(caller, expires_at, salt) for key in self._keys)
        return expires_at if any(hmac.compare_digest(id_, link_id) for id_ in ids) else None


class _Key:
    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(_derived(key, "seal", "sha512"))
        self._store_cipher = AESSIV(_derived(key, "store", "sha512"))
        self._visit_key = _derived(key, "visit", "sha256")
        self._id_key = _derived(key, "id", "sha256")
        # One byte. Two keys may have one name: each that has it is tried.
        self._name = _derived(key, "name", "sha256")[:1]

    def seal(self, link: Link) -> str:
        return self._text(pack(link))

    def decrypt(self, data: bytes) -> Link | None:
        packed = self._opened(self._cipher, data)
        return None if packed is None else unpack(packed)

    def seal_for_store(self, link: Link) -> bytes:
        return self._sealed(self._store_cipher, pack(link))

    def open_from_store(self, data: bytes) -> tuple[Link, str] | None:
        """Return the link and the text of its ticket. A list has many: it is not packed again."""
        packed = self._opened(self._store_cipher, data)
        return None if packed is None else (unpack(packed), self._text(packed))

    def _text(self, packed: bytes) -> str:
        return _encoded(self._sealed(self._cipher, packed))

    def _sealed(self, cipher: AESSIV, packed: bytes) -> bytes:
        return self._name + cipher.encrypt(packed, [self._name])

    def _opened(self, cipher: AESSIV, data: bytes) -> bytes | None:
        if not data.startswith(self._name):
            return None
        try:
            return cipher.decrypt(data[1:], [self._name])
        except InvalidTag:
            return None

    def id_of(self, caller: Caller, expires_at: int, salt: bytes) -> str:
        public = expires_at.to_bytes(_TIME_BYTES) + salt
        mac = hmac.digest(self._id_key, public + pack_caller(caller), "sha256")
        return ID_PREFIX + _encoded(public + mac[:_MAC_BYTES])

    def mac_of_visit(self, link_id: str, visitor: str) -> str:
        mac = hmac.digest(self._visit_key, f"{link_id} {visitor}".encode(), "sha256")
        return _encoded(mac[:_VISIT_MAC_BYTES])


def _derived(key: bytes, purpose: str, digest: str) -> bytes:
    return hmac.digest(key, f"presign link {purpose}".encode(), digest)


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes | None:
    """Return the bytes that have exactly this text, or None: base64 has spare bits."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return data if _encoded(data) == text else None
