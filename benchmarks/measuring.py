"""How cost is measured: CPU time of a process, to the nanosecond, and medians over rounds.

On a shared machine wall time says who else is there. CPU time says what we spent; and of two costs in
the same round the ratio holds though the machine is slower in the next.
"""

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SERVER_CORE: Final = 0
LOAD_CORE: Final = 1
Name = tuple[str, int]  # what was measured, and the length of the session's token, or 0


@dataclass
class Samples:
    """What each round found, in the rounds' order."""

    by_name: dict[Name, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, token_length: int, value: float) -> None:
        self.by_name[name, token_length].append(value)

    def median(self, name: str, token_length: int) -> float:
        return statistics.median(self.by_name[name, token_length])

    def ratio(self, over: Name, under: Name) -> float:
        """The median of the rounds' ratios."""
        pairs = zip(self.by_name[over], self.by_name[under], strict=True)
        return statistics.median(one / other for one, other in pairs)


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, its threads included: clock_getcpuclockid(3) on Linux."""
    return time.clock_gettime((~pid << 3) | 2)


def cpu_of_ended_children(pid: int) -> float:
    """What processes that it started and waited for have used, to 10 ms: proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def pin(core: int, pid: int = 0) -> None:
    """`pid` 0 is this process. Where there is one core only, all share it."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(_CORES)
        os.sched_setaffinity(pid, {cores[core % len(cores)]})


def quantile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


# Read once: what we pin ourselves to must not hide the rest.
_CORES: Final = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {0}
