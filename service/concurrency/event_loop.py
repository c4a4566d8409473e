"""Keeps work from blocking the event loop: in a thread, in slices, or a few calls at a time."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

ITEMS_PER_SLICE: Final = 64  # items of a batch, a few ms
_OFTEN_SECONDS: Final = 0.0002


async def run_in_thread_if(
    is_long: bool,  # noqa: FBT001 - reads as a question before the work
    work: Callable[P, T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Return the result of `work`, run in a thread if it is long: a thread costs 0.1 ms."""
    if is_long:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


async def in_slices(
    items: Iterable[T], weight: Callable[[T], int] = lambda _: 1
) -> AsyncIterator[T]:
    """Yield `items`, and yield to the event loop after a weight of ITEMS_PER_SLICE."""
    since = 0
    for item in items:
        yield item
        since += weight(item)
        if since >= ITEMS_PER_SLICE:
            since = 0
            await asyncio.sleep(0)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """For reading thousands of callers: collecting them would block every thread for 0.1 s.

    Later collections skip them too, and all else that exists at the end. Reference counting still
    frees what is in no cycle. So what a reload, a request or a connection leaves must be in none.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextmanager
def yielding_often() -> Iterator[None]:
    """For a long computation in a thread while the event loop serves requests.

    A request takes the interpreter several times, and waits each time until the thread has had it
    for the interval, 5 ms by default: docs.python.org/3/library/sys.html#sys.setswitchinterval.
    While 4,000 callers are read, a request that takes it three times waits for 10 ms of the
    thread's CPU time with 5 ms, 2.1 with 0.5 ms and 1.2 with 0.2 ms. Reading takes 5 % longer.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_OFTEN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


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
