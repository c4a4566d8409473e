"""Calls that ask the store about one key: is there an object, which parts has an upload."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from service.errors import StorageUnavailable
from service.s3.access import StoreAccess
from service.s3.client import CALL_SECONDS, Reply, S3Client
from service.s3.errors import S3Error
from service.s3.listing_xml import ListedObject, listed_objects
from service.s3.xml import parts_page
from service.signing.actions import HeadObject, ListObjects
from service.signing.multipart_actions import (
    MAX_PARTS,
    AbortMultipartUpload,
    ListParts,
    UploadedPart,
)
from service.signing.signer import Signable

LIST_SECONDS: Final = 60.0  # for all pages; most stores need ten at most
_MAX_LISTED: Final = 2 * MAX_PARTS
_HEAD: Final = HeadObject()


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Raises StorageUnavailable if it takes longer. `what` follows `The store did not`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        detail = f"The store did not {what} within {seconds:g} s."
        raise StorageUnavailable(detail) from None


@dataclass(frozen=True, slots=True)
class S3Object:
    """A key at the store. The object need not exist. Methods raise what `S3Client.send` raises."""

    store: S3Client
    access: StoreAccess
    bucket: str
    key: str

    async def send(
        self, action: Signable, *, body: bytes = b"", seconds: float = CALL_SECONDS
    ) -> Reply:
        return await self.store.send(
            self.access, action, bucket=self.bucket, key=self.key, body=body, seconds=seconds
        )

    async def head(self, *, seconds: float = CALL_SECONDS) -> Reply | None:
        """Return the reply to a HEAD, or None if there is no such object.

        S3 answers 403 for a missing key if the role may not list. Then listing the key says so.
        """
        try:
            return await self.send(_HEAD, seconds=seconds)
        except S3Error as error:
            is_missing = error.status == 404
            if error.status == 403:
                with suppress(S3Error):
                    is_missing = await self.find() is None
            if not is_missing:
                raise
        return None

    async def find(self) -> ListedObject | None:
        """Return the object, or None.

        Lists the key instead of a HEAD, which needs permission to read and returns no error code.
        """
        action = ListObjects(prefix=self.key, max_keys=1)
        reply = await self.store.send(self.access, action, bucket=self.bucket)
        # In UTF-8 order, the key itself comes before the keys that it is a prefix of.
        return next(
            (each for each in await reply.read(listed_objects) if each.key == self.key), None
        )

    async def list_parts(self, upload_id: str) -> list[UploadedPart]:
        """Return the parts of an upload in order.

        SeaweedFS lists every version of a part that was sent again, and accepts any of them.
        """
        parts: dict[tuple[int, str], UploadedPart] = {}
        after: int | None = 0
        async with within(LIST_SECONDS, "list the parts"):
            # Stop at a page without new parts, so that no store can make this endless.
            while after is not None and len(parts) <= _MAX_LISTED:
                reply = await self.send(ListParts(upload_id=upload_id, after=after))
                page = await reply.read(parts_page)
                before = len(parts)
                parts |= {(part.part_number, part.etag): part for part in page.parts}
                after = page.next_after if len(parts) > before else None
        return sorted(parts.values(), key=lambda part: part.part_number)

    async def abort_upload(self, upload_id: str) -> None:
        await self.send(AbortMultipartUpload(upload_id=upload_id))
