"""Seals what the completion of a multipart upload needs into the address that completes it.

Hugging Face's agent sends its completion without `Authorization`. The sealed text identifies the
caller that the upload was signed for, and its grants of that moment decide.
"""

from dataclasses import dataclass
from typing import ClassVar

from service.protocols.tickets import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTicket(Ticket):
    """A multipart upload of one object."""

    purpose: ClassVar = b"presign git-lfs completion"

    repository: str
    oid: str
    size: int
    upload_id: str
