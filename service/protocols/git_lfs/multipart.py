"""Multipart uploads of Git LFS, as Hugging Face's agent `hf lfs-multipart-upload` sends them.

Rules of this file:
- All URLs of an upload are signed at once, because the agent cannot ask for more. So their lifetime
  is the longest that the grant and the session allow, and a batch has at most MAX_PARTS_PER_BATCH.
- The agent completes an upload without `Authorization`. The ticket in the address says for which
  caller, and that caller's grants of this moment decide.
- The store adds up the sizes of the parts, but cannot compute the SHA-256 of the whole object.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from service.access.callers import Identity
from service.clock import Clock
from service.errors import InvalidRequest, NotFound, ObjectExists, PresignError, UploadNotFound
from service.multipart.part_plan import PartPlan
from service.multipart.requests import Completion, NewUpload, PartChecksums, Upload
from service.multipart.uploads import MultipartUploads
from service.presigning.requests import Requester
from service.presigning.results import CreatedUpload
from service.presigning.snapshot import Snapshot
from service.protocols.git_lfs.repositories import GitLfsValues, LfsObject, object_key
from service.protocols.git_lfs.tickets import UploadTicket
from service.protocols.roots import ProtocolRoot
from service.sessions.lifetime import Lifetime
from service.signing.multipart_actions import CreateMultipartUpload, UploadedPart
from service.signing.signer import MAX_EXPIRES_IN

MAX_PARTS_PER_BATCH: Final = 1000  # an answer of about a megabyte
COMPLETION_SECONDS: Final = 3600  # after the URLs of the parts have expired
_PART_BYTES: Final = 16 * 1024**2  # or more: 320 parts for 5 GiB
_LIFETIME: Final = Lifetime(expires_in=MAX_EXPIRES_IN)
_NO_CHECKSUMS: Final = PartChecksums()


@dataclass(frozen=True, slots=True)
class PartUploads:
    uploads: MultipartUploads
    clock: Clock

    async def create(
        self, requester: Requester, repository: ProtocolRoot, wanted: LfsObject, *, parts: int
    ) -> CreatedUpload:
        """Create an upload with about `parts` parts at most, and sign all of them.

        Raises InvalidRequest for an empty object, and what `MultipartUploads.create` raises.
        """
        size = max(_PART_BYTES, -(-wanted.size // parts))
        request = NewUpload(
            bucket=repository.bucket,
            key=object_key(repository, wanted.oid),
            plan=PartPlan.for_length(wanted.size, size),
            action=CreateMultipartUpload(),
            checksums=_NO_CHECKSUMS,
            lifetime=_LIFETIME,
        )
        numbers = range(1, request.plan.part_count + 1)
        return await self.uploads.create(requester, request, numbers)

    def ticket(
        self, maker: Identity, repository: str, wanted: LfsObject, created: CreatedUpload
    ) -> UploadTicket:
        """Return what the completion of this upload needs. `maker` has the claims to keep."""
        return UploadTicket(
            issuer=maker.caller.issuer,
            subject=maker.caller.subject,
            claims=maker.claims,
            facts=sorted(maker.facts),
            repository=repository,
            oid=wanted.oid,
            size=wanted.size,
            upload_id=created.upload_id,
            issued_at=int(self.clock.wall()),
            expires_at=created.validity.expires_at + COMPLETION_SECONDS,
        )

    def open_ticket(
        self, values: GitLfsValues | None, snapshot: Snapshot, repository: str, text: str
    ) -> UploadTicket:
        """Return the ticket with this text. While Git LFS is off, there are no values.

        Raises NotFound unless one of the keys has sealed it for this repository, and UploadNotFound
        if its time is over or its caller's sessions of that time are revoked.
        """
        ticket = values.keys.open_ticket(text) if values and values.keys else None
        if ticket is None or ticket.repository != repository:
            raise NotFound("There is no such upload.")
        not_before = snapshot.not_before(ticket.identity())
        if ticket.is_over(now=self.clock.wall(), not_before=not_before):
            raise UploadNotFound("The time to complete this upload is over. Push again.")
        return ticket

    async def complete(
        self,
        requester: Requester,
        repository: ProtocolRoot,
        ticket: UploadTicket,
        oid: str,
        parts: Sequence[UploadedPart],
    ) -> None:
        """Make the object of its parts.

        If another push was faster, aborts the upload: nobody would complete it. Raises
        InvalidRequest for another object, and what `MultipartUploads.complete` raises.
        """
        if oid != ticket.oid:
            raise InvalidRequest("This upload belongs to another object.", pointer="#/oid")
        key = object_key(repository, oid)
        upload = Upload(bucket=repository.bucket, key=key, upload_id=ticket.upload_id)
        completion = Completion(upload=upload, content_length=ticket.size, parts=parts)
        try:
            await self.uploads.complete(requester, completion)
        except ObjectExists:
            with suppress(PresignError):
                await self.uploads.abort(requester, upload)
            raise
