"""Looks at the queue of arrivals: whether it answers, what may be done there, and for how long it
keeps trying.
"""

from typing import Final, Protocol

from service.operations.live.results import Path, Result
from service.protocols.arrivals.queue import QueueUnavailable, tries_within

AT: Final[Path] = ("arrivals", "queue_url")
_HOUR: Final = 3600.0


class Checked(Protocol):
    async def max_receives(self) -> int | None:
        """Return after how many tries a message is given up, or None. Raises QueueUnavailable."""

    async def try_to_settle(self) -> None:
        """Raises QueueUnavailable if messages may not be deleted or hidden."""


async def check_queue(queue: Checked) -> list[Result]:
    try:
        most = await queue.max_receives()
    except QueueUnavailable as error:
        return [Result("error", AT, f"the queue cannot be read: {error}")]
    try:
        await queue.try_to_settle()
    except QueueUnavailable as error:
        text = f"its messages cannot be deleted or hidden, so each would be sent again: {error}"
        return [Result("error", AT, text)]
    if most is None:
        text = (
            "it answers, but has no dead-letter queue: what a hook never accepts is tried until "
            "the retention period ends, and then lost"
        )
        return [Result("warning", AT, text)]
    if most <= (tries := tries_within(_HOUR)):
        text = (
            f"a message is given up after {most} tries (maxReceiveCount), which takes less than "
            f"an hour; set more than {tries}, better 50"
        )
        return [Result("warning", AT, text)]
    return [Result("works", AT, f"it answers, and gives a message up after {most} tries")]
