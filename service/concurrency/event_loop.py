"""Runs CPU-bound work without blocking the event loop: in a thread, or in slices that yield in between."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

ITEMS_PER_SLICE: Final = 64  # items of a batch: some ms


async def run_in_thread_if(
    is_long: bool,  # noqa: FBT001 - reads as a question before the work
    work: Callable[P, T],
    *given: P.args,
    **named: P.kwargs,
) -> T:
    """What `work` makes; in a thread if it takes long, for a thread costs 0.1 ms itself."""
    if is_long:
        return await asyncio.to_thread(work, *given, **named)
    return work(*given, **named)


async def in_slices(
    items: Iterable[T], weight: Callable[[T], int] = lambda _: 1
) -> AsyncIterator[T]:
    """Each of `items`; now and then others get a turn in between. `weight` is how many items one is worth."""
    since = 0
    for item in items:
        yield item
        since += weight(item)
        if since >= ITEMS_PER_SLICE:
            since = 0
            await asyncio.sleep(0)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """While thousands of callers are read: to look through them for garbage holds every thread for 0.1 s.

    They are then left out of later collections too. They are freed all the same once nothing refers to them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
