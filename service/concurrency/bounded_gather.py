"""As `asyncio.gather`, with few calls at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def gather_bounded(
    work: Callable[[T], Awaitable[R]], items: Sequence[T], *, limit: int
) -> list[R]:
    """Return what `work` returns for each item, in the order of the items.

    At most `limit` calls run at a time. The first error cancels the others, and is raised.
    """
    results: dict[int, R] = {}
    waiting = iter(enumerate(items))

    async def run() -> None:
        for at, item in waiting:
            results[at] = await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(limit, len(items))):
                group.create_task(run())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [results[at] for at in range(len(items))]
