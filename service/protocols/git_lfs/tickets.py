"""Seals what the completion of a multipart upload needs into the address that completes it.

Hugging Face's agent sends its completion without `Authorization`. The sealed text identifies the
caller that the upload was signed for, and its grants of that moment decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.protocols import tickets

# It changes with the fields of a ticket.
_PURPOSE: Final = b"presign git-lfs completion"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTicket(tickets.Ticket):
    """A multipart upload of one object."""

    repository: str
    oid: str
    size: int
    upload_id: str


class UploadTicketKeys(tickets.TicketKeys[UploadTicket]):
    def __init__(self, keys: Sequence[bytes]) -> None:
        """There is at least one key, each of 32 random bytes."""
        super().__init__(keys, UploadTicket, _PURPOSE)
