"""How much work something is, on any machine."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


async def steps(work: Callable[[], Any]) -> int:
    """Return how many lines of Python it runs: unlike time, not the machine's."""
    lines = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        await work()
    finally:
        sys.settrace(before)
    return lines
