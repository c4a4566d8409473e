"""What the store has: the object of one key, and the parts of an upload."""

import asyncio
from typing import Final

from service.errors import StorageUnavailable
from service.s3.access import StoreAccess
from service.s3.client import S3Client
from service.s3.xml import (
    ListedObject,
    PartsPage,
    listed,
    parts_page,
)
from service.signing.actions import ListObjects
from service.signing.multipart_actions import MAX_PARTS, ListParts, UploadedPart

LIST_SECONDS: Final = 60.0  # for all pages of an upload: ten, of most stores
_MAX_LISTED: Final = 2 * MAX_PARTS


async def find_object(
    store: S3Client, store_access: StoreAccess, *, bucket: str, key: str
) -> ListedObject | None:
    """The object, or None, by a list of its key alone: a HEAD needs the right to read, and tells no code.

    Raises what `S3Client.send` raises.
    """
    reply = await store.send(store_access, ListObjects(prefix=key, max_keys=1), bucket=bucket)
    # In the order of UTF-8 the key itself comes before all that only begin with it.
    return next((found for found in await reply.read(listed) if found.key == key), None)


async def parts_of(
    store: S3Client, store_access: StoreAccess, *, bucket: str, key: str, upload_id: str
) -> list[UploadedPart]:
    """In order. Raises what `S3Client.send` raises.

    SeaweedFS lists a part that was sent again as it was before, too, and takes either.
    """
    parts: dict[tuple[int, str], UploadedPart] = {}
    after: int | None = 0
    try:
        async with asyncio.timeout(LIST_SECONDS):
            # Each page has a part at least that is new, so a store cannot keep us for ever.
            while after is not None and len(parts) <= _MAX_LISTED:
                action = ListParts(upload_id=upload_id, after=after)
                page: PartsPage = await (
                    await store.send(store_access, action, bucket=bucket, key=key)
                ).read(parts_page)
                before = len(parts)
                parts |= {(part.part_number, part.etag): part for part in page.parts}
                after = page.next_after if len(parts) > before else None
    except TimeoutError:
        detail = f"The store did not list the parts within {LIST_SECONDS:g} s."
        raise StorageUnavailable(detail) from None
    return sorted(parts.values(), key=lambda part: part.part_number)
