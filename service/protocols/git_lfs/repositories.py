"""The objects of Git LFS: their keys, and the comparison with what is stored."""

import base64
from dataclasses import dataclass
from typing import Final

from service.errors import ChecksumMismatch, LengthMismatch, PresignError
from service.presigning.results import CheckedObject
from service.protocols.git_lfs.tickets import UploadTicket
from service.protocols.roots import ProtocolRoot, Roots
from service.protocols.tickets import TicketKeys
from service.signing.actions import MAX_UPLOAD_BYTES, Checksum

_SHA256: Final = "SHA256"


@dataclass(frozen=True, slots=True)
class LfsObject:
    """An object as a client names it: its SHA-256 in hex, and its size in bytes."""

    oid: str
    size: int

    @property
    def checksum(self) -> Checksum:
        """The oid as S3 writes a SHA-256."""
        digest = base64.b64encode(bytes.fromhex(self.oid)).decode()
        return Checksum(algorithm=_SHA256, value=digest)


def object_key(repository: ProtocolRoot, oid: str) -> str:
    return f"{repository.prefix}{oid[:2]}/{oid[2:4]}/{oid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLfsValues:
    """The configuration of Git LFS.

    The addresses of completions start with `url`. Without `keys` there are no multipart
    uploads.
    """

    repositories: Roots
    url: str = ""
    multipart_threshold: int = MAX_UPLOAD_BYTES
    keys: TicketKeys[UploadTicket] | None = None


def difference(wanted: LfsObject, found: CheckedObject) -> PresignError | None:
    """Return why the stored object is not the one that the client names, or None.

    The SHA-256 of a multipart upload is not known: then only the size is compared.
    """
    if "content_length" in found.mismatches:
        detail = f"The stored object has {found.content_length} bytes, not {wanted.size}."
        return LengthMismatch(detail, pointer="#/size")
    stored = found.checksums.get(_SHA256, "")
    if stored and "-" not in stored and stored != wanted.checksum.value:
        return ChecksumMismatch("The stored object has another SHA-256 than its oid.")
    return None
