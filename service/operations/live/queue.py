"""Looks at the queue of arrivals: whether it answers, what may be done there, how long it keeps
trying, and how near it is to its limit.
"""

from typing import Final, Protocol

from service.operations.live.results import Path, Result
from service.protocols.arrivals.queue import (
    MOST_IN_FLIGHT,
    QueueState,
    QueueUnavailable,
    seconds_of,
    tries_within,
)

AT: Final[Path] = ("arrivals", "queue_url")
_HOUR: Final = 3600.0
_BETTER: Final = 25  # tries: see setup/queue.py


class Checked(Protocol):
    async def state(self) -> QueueState:
        """Raises QueueUnavailable."""

    async def try_to_settle(self) -> None:
        """Raises QueueUnavailable if messages may not be deleted or hidden."""


async def check_queue(queue: Checked) -> list[Result]:
    try:
        state = await queue.state()
    except QueueUnavailable as error:
        return [Result("error", AT, f"the queue cannot be read: {error}")]
    try:
        await queue.try_to_settle()
    except QueueUnavailable as error:
        text = f"its messages cannot be deleted or hidden, so each would be sent again: {error}"
        return [Result("error", AT, text)]
    results = [_about_tries(state)]
    if state.in_flight > MOST_IN_FLIGHT / 2:
        text = (
            f"{state.in_flight} messages wait for their next try: at {MOST_IN_FLIGHT} SQS hands "
            "out no more, and no hook is notified; repair or remove the hook that is down"
        )
        results.append(Result("warning", AT, text))
    return results


def _about_tries(state: QueueState) -> Result:
    if (most := state.max_receives) is None:
        text = (
            "it answers, but has no dead-letter queue: what a hook never accepts is tried until "
            "the retention period ends, and then lost"
        )
        return Result("warning", AT, text)
    given_up = f"a message is given up after {most} tries (maxReceiveCount), which"
    if most <= (tries := tries_within(_HOUR)):
        text = f"{given_up} takes less than an hour; set more than {tries}, better {_BETTER}"
        return Result("warning", AT, text)
    if seconds_of(most) > state.retention_seconds / 2:
        text = (
            f"{given_up} takes over half of MessageRetentionPeriod: it counts from the event, in "
            "the dead-letter queue too, so a message may be lost there or before; set 14 days on "
            f"both queues, and {_BETTER} tries"
        )
        return Result("warning", AT, text)
    return Result("works", AT, f"it answers, and gives a message up after {most} tries")
