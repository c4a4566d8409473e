"""A clock for a process that is frozen between two invocations.

Whether CLOCK_MONOTONIC and CLOCK_BOOTTIME count the time of a freeze depends on how Lambda freezes,
which AWS does not document: they do if the process is only paused, and do not if its machine is
restored from a snapshot. The wall clock is set again after either. So each invocation begins with a
comparison of the two.
"""

from typing import Final

from service.clock import Clock

# Seconds. Less may be a correction of the wall clock, though Amazon Time Sync's are far smaller. It
# is counted once it has added up to this: many short freezes may take as long as a session.
TOLERANCE: Final = 2.0


class FreezeAwareClock:
    """Adds the time of each freeze that the boot clock did not count.

    The wall clock may also be set forward without a freeze. That looks the same, and makes
    sessions and keys look older than they are: they are refreshed early, and never used too long.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._uncounted = 0.0
        self._difference = clock.wall() - clock.boot()

    def wall(self) -> float:
        return self._clock.wall()

    def boot(self) -> float:
        return self._clock.boot() + self._uncounted

    def thaw(self) -> float:
        """Count the time that the boot clock did not. Return how many seconds that were."""
        difference = self._clock.wall() - self._clock.boot()
        uncounted = difference - self._difference
        if 0.0 <= uncounted < TOLERANCE:
            return 0.0
        self._difference = difference
        if uncounted < 0.0:  # the wall clock was set back
            return 0.0
        self._uncounted += uncounted
        return uncounted
