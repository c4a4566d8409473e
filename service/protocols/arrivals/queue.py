"""The interface of a queue, and the time until a message is tried again. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

BATCH: Final = (
    10  # messages of one call: docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference
)
INVISIBLE_SECONDS: Final = 30  # until a message comes back after a crash
LONGEST_RETENTION: Final = 14 * 86_400  # seconds, in …/latest/SQSDeveloperGuide too
LONGEST_SECONDS: Final = 43_200  # that a message may be invisible, since it was received
# Beyond that SQS hands out no more: …/AWSSimpleQueueService/latest/SQSDeveloperGuide
MOST_IN_FLIGHT: Final = 120_000  # messages that are received, and wait for their next try
_FIRST_SECONDS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue of SQS. Without a region in its host, `region` is that of the environment."""

    url: str
    region: str
    endpoint_url: str


class QueueUnavailable(Exception):
    """A call to the queue has failed. The message has no secret, and may be logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, as it was received for the `receives`th time.

    `receipt` is valid for this receiving only. `first_received_at` is when any replica received it
    first, in epoch seconds, as the queue says.
    """

    body: str
    receipt: str
    receives: int = 1
    first_received_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """The attributes of a queue that decide whether events get lost.

    `max_receives` is the number of tries before a message moves to the dead-letter queue; None
    without one. The queue deletes a message after `retention_seconds`. `in_flight` messages are
    being worked on, or wait for their next try.
    """

    max_receives: int | None
    retention_seconds: int
    in_flight: int


class EventQueue(Protocol):
    """Each call raises QueueUnavailable. If it fails for some messages, they come back later."""

    async def receive(self, most: int) -> Sequence[Message]:
        """Wait for up to `most` messages, at most BATCH, which then are invisible for a while."""

    async def delete(self, receipts: Sequence[str]) -> None:
        """At most BATCH."""

    async def hide(self, hidden: Sequence[tuple[str, int]]) -> None:
        """Make at most BATCH messages come back after as many seconds."""

    async def close(self) -> None: ...


def retry_seconds(receives: int, jitter: float, *, held: float) -> int:
    """Return when to try a message again: 2 s at most after the first try, then doubling to 12 h.

    `jitter` is in [0, 1), and `held` the seconds since it was received.
    """
    full = _FIRST_SECONDS << min(receives - 1, 20)
    wanted = math.ceil(min(full, LONGEST_SECONDS) * (0.5 + jitter / 2))
    return max(1, min(wanted, LONGEST_SECONDS - math.ceil(held) - 1))


def tries_within(seconds: float) -> int:
    """Return the most tries of one message that fit in this time."""
    tries, passed = 1, 0
    while (passed := passed + retry_seconds(tries, 1.0, held=0)) <= seconds:
        tries += 1
    return tries


def seconds_of(tries: int) -> int:
    """Return how long so many tries of one message take on average."""
    return sum(retry_seconds(receives, 0.5, held=0) for receives in range(1, tries))
