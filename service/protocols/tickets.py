"""Sealed texts that name a caller, for programs that come back without the caller's credential.

The text is encrypted and authenticated by Fernet, with keys that are derived for one kind of ticket
and that nothing else uses. What a ticket allows is decided by its caller's grants of the moment at
which it is used. Pure.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import ClassVar, Generic, TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from service.access.callers import Identity
from service.access.grants import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A caller, as `Snapshot.to_keep` returns it. Times are in epoch seconds.

    `purpose` changes with the fields of a kind: so no ticket is ever read as another kind.
    """

    purpose: ClassVar[bytes]

    issuer: str | None
    subject: str
    claims: Mapping[str, str] = field(repr=False)
    facts: Sequence[Sequence[str]] = field(repr=False)  # as JSON has them
    issued_at: int
    expires_at: int

    def identity(self) -> Identity:
        """Return the caller that uses of the ticket are decided for."""
        caller = Caller(issuer=self.issuer, subject=self.subject)
        facts = frozenset((pointer, value) for pointer, value in self.facts)
        return Identity(caller, self.claims, facts=facts)

    def is_over(self, *, now: float, not_before: float) -> bool:
        """Whether its time is over, or its caller's sessions of that time are revoked.

        `not_before` is `Snapshot.not_before` of its identity.
        """
        return now >= self.expires_at or self.issued_at < not_before


T = TypeVar("T", bound=Ticket)


class TicketKeys(Generic[T]):
    """The first key seals, all of them open."""

    def __init__(self, keys: Sequence[bytes], kind: type[T]) -> None:
        """There is at least one key, each of 32 random bytes."""
        self._kind = kind
        derived = (hmac.digest(key, kind.purpose, "sha256") for key in keys)
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in derived])

    def seal(self, ticket: T) -> str:
        text = json.dumps(asdict(ticket), separators=(",", ":")).encode()
        sealed = self._fernet.encrypt_at_time(text, ticket.issued_at)
        return sealed.decode().rstrip("=")  # some servers decode `=` in a path

    def open_ticket(self, text: str) -> T | None:
        """Return the ticket with this text, or None if none of the keys has sealed it."""
        try:
            token = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            opened = self._fernet.decrypt(urlsafe_b64encode(token))
        except (InvalidToken, ValueError):
            return None
        # base64 skips characters and has spare bits, so other texts have the same bytes.
        is_exact = urlsafe_b64encode(token).decode().rstrip("=") == text
        return self._kind(**json.loads(opened)) if is_exact else None
