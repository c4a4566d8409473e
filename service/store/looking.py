"""What stands under one key, by a list of that key alone: a HEAD would need the right to read."""

from service.answers import Leave
from service.signing.requests import ListObjects
from service.store.calls import StoreCalls
from service.store.documents import Listed, listed


async def look(store: StoreCalls, leave: Leave, *, bucket: str, key: str) -> Listed | None:
    """The object, or None. Raises what `StoreCalls.send` raises."""
    reply = await store.send(leave, ListObjects(prefix=key, max_keys=1), bucket=bucket)
    # In the order of UTF-8 the key itself comes before all that only begin with it.
    return next((found for found in listed(reply.body) if found.key == key), None)
