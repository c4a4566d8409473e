"""The result of a function that seldom waits. Most calls then need no coroutine."""

from collections.abc import Awaitable

# None: done already. Else await the rest. The call and the awaitable raise the same errors.
Pending = Awaitable[None] | None
