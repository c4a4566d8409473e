"""A client that can be replaced while calls are running: it is closed after its last call."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedClient(Generic[T]):
    def __init__(self, client: T, close: Callable[[], Awaitable[object]]) -> None:
        self.close = close  # at once, whatever is running
        self._client = client
        self._calls = 0
        self._is_retired = False

    @asynccontextmanager
    async def for_a_call(self) -> AsyncIterator[T]:
        self._calls += 1
        try:
            yield self._client
        finally:
            self._calls -= 1
            await self._close_if_unused()

    async def retire(self) -> None:
        """Close the client after its last call. No new call may start."""
        self._is_retired = True
        await self._close_if_unused()

    async def _close_if_unused(self) -> None:
        if self._is_retired and not self._calls:
            await self.close()
