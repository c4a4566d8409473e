"""The machine's clocks. Code that needs the time takes a `Clock`, so that tests can set it."""

import time
from typing import Protocol

# CLOCK_BOOTTIME includes suspend. macOS lacks it, but its monotonic clock includes suspend.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    def wall(self) -> float:
        """Return epoch seconds by the machine's own clock, which may be wrong."""

    def boot(self) -> float:
        """Return seconds since some fixed moment, including any suspend."""


class SystemClock:
    def wall(self) -> float:
        return time.time()

    def boot(self) -> float:
        return time.clock_gettime(_BOOT_CLOCK)
