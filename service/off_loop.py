"""Long work beside the loop: what it would hold up for long, threads share in turns of some 5 ms."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def off_loop(is_long: bool, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:  # noqa: FBT001 - reads as a question before the work
    """What `work` makes; in a thread if it takes long, for a thread costs 0.1 ms itself."""
    if is_long:
        return await asyncio.to_thread(work, *given, **named)
    return work(*given, **named)
