"""The machine's clocks, and times as text.

Code that needs the time takes a `Clock`, so that tests can set it.
"""

import time
from functools import lru_cache
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


@lru_cache(maxsize=1024)  # URLs of one second mostly expire in the same second
def rfc3339(epoch_seconds: int) -> str:
    """Return a time as UTC text, such as `2026-01-31T12:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_seconds))
