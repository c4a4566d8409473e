"""Tests with a time limit, on a machine that may stop them for seconds.

A test that was late shows nothing, and runs again. A failure in time fails at once, and a test that
is late each time fails too.
"""

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

T = TypeVar("T", bound=Callable[..., Any])

TRIES: Final = 5


class Late(Exception):
    """The test took too long for its result to mean anything."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise Late if the block took longer, whatever its result."""
    began = time.monotonic()
    error: BaseException | None = None
    try:
        yield
    except Exception as caught:  # noqa: BLE001 - it is raised below, unless it came late
        error = caught
    took = time.monotonic() - began
    if took >= seconds:
        raise Late(f"{took:.1f} s, of {seconds:g} s") from error
    if error is not None:
        raise error


def again_if_late(test: T) -> T:
    """Repeat a test that raises Late, up to `TRIES` runs in all."""
    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def repeated(*arguments: Any, **named: Any) -> Any:
            for _ in range(TRIES - 1):
                with suppress(Late):
                    return await test(*arguments, **named)
            return await test(*arguments, **named)

    else:

        @functools.wraps(test)
        def repeated(*arguments: Any, **named: Any) -> Any:
            for _ in range(TRIES - 1):
                with suppress(Late):
                    return test(*arguments, **named)
            return test(*arguments, **named)

    return repeated  # type: ignore[return-value]
