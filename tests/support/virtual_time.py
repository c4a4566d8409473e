"""A fake clock, and an event loop that never waits.

Under `in_virtual_time` an event loop uses the fake clock, and waiting advances it. So a test of a
whole day takes milliseconds, and no test depends on the speed of the machine.
"""

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec

P = ParamSpec("P")

TICK_SECONDS: Final = 1e-6  # of virtual time for each pass of the loop, so that every wait ends
CLOCK_START: Final = 1_767_225_600.0  # 2026-01-01T00:00:00Z, when each fake clock starts


class FakeClock:
    """A clock that only moves when a test moves it. `skew` is the error of the wall clock."""

    def __init__(self, *, skew: float = 0.0) -> None:
        self.skew = skew
        self.running = 0.0
        self.suspended = 0.0

    def wall(self) -> float:
        return CLOCK_START + self.boot() + self.skew

    def boot(self) -> float:
        return self.running + self.suspended

    def move(self, seconds: float) -> None:
        self.running += seconds

    def suspend(self, seconds: float) -> None:
        """Suspend the machine: the event loop's clock and timers do not advance."""
        self.suspended += seconds


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("all tasks are waiting, and no timer is set")
        self._clock.move(max(TICK_SECONDS, timeout or 0.0))
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = FakeClock()
        super().__init__(_JumpingSelector(self.clock))

    def time(self) -> float:
        return self.clock.running


def in_virtual_time(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test on its own event loop, which never really waits."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(main())

    return run


def loop_clock() -> FakeClock:
    """Return the virtual clock of the running test."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop.clock


def server_time(clock: FakeClock) -> float:
    return CLOCK_START + clock.boot()
