"""Finds out what the store has: the object of one key, and the parts of an upload."""

import asyncio
from typing import Final

from service.errors import StorageUnavailable
from service.s3.access import StoreAccess
from service.s3.client import S3Client
from service.s3.xml import ListedObject, listed_objects, parts_page
from service.signing.actions import ListObjects
from service.signing.multipart_actions import MAX_PARTS, ListParts, UploadedPart

LIST_SECONDS: Final = 60.0  # for all pages; most stores need ten at most
_MAX_LISTED: Final = 2 * MAX_PARTS


async def find_object(
    store: S3Client, store_access: StoreAccess, *, bucket: str, key: str
) -> ListedObject | None:
    """Return the object, or None. Raises what `S3Client.send` raises.

    Lists the key instead of a HEAD, which needs permission to read and returns no error code.
    """
    reply = await store.send(store_access, ListObjects(prefix=key, max_keys=1), bucket=bucket)
    # In UTF-8 order, the key itself comes before the keys that it is a prefix of.
    return next((found for found in await reply.read(listed_objects) if found.key == key), None)


async def list_parts(
    store: S3Client, store_access: StoreAccess, *, bucket: str, key: str, upload_id: str
) -> list[UploadedPart]:
    """Return the parts of an upload in order. Raises what `S3Client.send` raises.

    SeaweedFS lists every version of a part that was sent again, and accepts any of them.
    """
    parts: dict[tuple[int, str], UploadedPart] = {}
    after: int | None = 0
    try:
        async with asyncio.timeout(LIST_SECONDS):
            # Stop at a page without new parts, so that no store can make this endless.
            while after is not None and len(parts) <= _MAX_LISTED:
                action = ListParts(upload_id=upload_id, after=after)
                reply = await store.send(store_access, action, bucket=bucket, key=key)
                page = await reply.read(parts_page)
                before = len(parts)
                parts |= {(part.part_number, part.etag): part for part in page.parts}
                after = page.next_after if len(parts) > before else None
    except TimeoutError:
        detail = f"The store did not list the parts within {LIST_SECONDS:g} s."
        raise StorageUnavailable(detail) from None
    return sorted(parts.values(), key=lambda part: part.part_number)
