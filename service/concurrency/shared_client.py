"""A client that may be replaced while calls are under way: it is closed once its last call has ended."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedClient(Generic[T]):
    def __init__(self, client: T, close: Callable[[], Awaitable[object]]) -> None:
        self._client = client
        self._close = close
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
        """No call begins from now on."""
        self._is_retired = True
        await self._close_if_unused()

    async def close(self) -> None:
        """Now, whatever is under way."""
        await self._close()

    async def _close_if_unused(self) -> None:
        if self._is_retired and not self._calls:
            await self._close()
