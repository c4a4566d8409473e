"""Seals what the completion of a multipart upload needs into the address that completes it.

Hugging Face's agent sends its completion without `Authorization`. The sealed text identifies the
caller that the upload was signed for, and its grants of that moment decide. It is encrypted and
authenticated by Fernet, with keys that nothing else uses.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from service.access.callers import Identity
from service.access.grants import Caller

# It changes with the fields of a ticket.
_PURPOSE: Final = b"presign git-lfs completion"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTicket:
    """A multipart upload of one object. Times are in epoch seconds."""

    issuer: str | None
    subject: str
    claims: Mapping[str, str] = field(repr=False)
    facts: Sequence[Sequence[str]] = field(repr=False)  # as JSON has them
    repository: str
    oid: str
    size: int
    upload_id: str
    issued_at: int
    expires_at: int

    def identity(self) -> Identity:
        """Return the caller that the completion is decided for."""
        caller = Caller(issuer=self.issuer, subject=self.subject)
        facts = frozenset((pointer, value) for pointer, value in self.facts)
        return Identity(caller, self.claims, facts=facts)


class UploadTicketKeys:
    """The first key seals, all of them open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """There is at least one key, each of 32 random bytes."""
        derived = (hmac.digest(key, _PURPOSE, "sha256") for key in keys)
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in derived])

    def seal(self, ticket: UploadTicket) -> str:
        text = json.dumps(asdict(ticket), separators=(",", ":")).encode()
        sealed = self._fernet.encrypt_at_time(text, ticket.issued_at)
        return sealed.decode().rstrip("=")  # some servers decode `=` in a path

    def open_ticket(self, text: str) -> UploadTicket | None:
        """Return the ticket with this text, or None if none of the keys has sealed it."""
        try:
            token = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            opened = self._fernet.decrypt(urlsafe_b64encode(token))
        except (InvalidToken, ValueError):
            return None
        # base64 skips characters and has spare bits, so other texts have the same bytes.
        is_exact = urlsafe_b64encode(token).decode().rstrip("=") == text
        return UploadTicket(**json.loads(opened)) if is_exact else None
