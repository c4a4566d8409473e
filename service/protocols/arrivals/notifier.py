"""Notifies hooks of what happened. Each has its own bounds, so that a slow one delays no other.

Nothing is kept: the sender of the events learns if all were accepted, and sends them again if not.
"""

import asyncio
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from service.clock import Clock
from service.errors import Overloaded
from service.presigning.audit import HookTry
from service.presigning.audit_trail import AuditTrail
from service.presigning.requests import Requester
from service.protocols.arrivals.hooks import Hook
from service.protocols.arrivals.messages import Arrival, webhook_body, webhook_id
from service.protocols.arrivals.refused_events import RefusedEvents
from service.protocols.arrivals.sender import NotSent
from service.protocols.arrivals.signing import signed_headers
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

IN_FLIGHT: Final = 16  # requests to one hook
JOBS: Final = 64  # messages and pushes for one hook, with those that wait to be sent
WAITING: Final = 10  # messages of a queue for one hook, beyond these
_AT_ONCE: Final = 8  # requests of one job
_QUICK_SECONDS: Final = 1.0
_QUIET_SECONDS: Final = 60.0
_BUSY: Final = "it answers too slowly for the number of events"
_ACCEPTED: Final = range(200, 300)


class Sends(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status of the answer. Raises NotSent."""


@dataclass(slots=True)
class _Room:
    """What one hook takes of the service."""

    requests: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))
    jobs: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(JOBS))
    waiting: int = 0  # messages
    is_quick: bool = True  # as its last answer was
    logs_again_at: float = -math.inf  # seconds of the boot clock


class Notifier:
    def __init__(self, sender: Sends, *, clock: Clock, trail: AuditTrail, metrics: Metrics) -> None:
        self._sender = sender
        self._clock = clock
        self._trail = trail
        self._metrics = metrics
        self._rooms: dict[str, _Room] = {}
        self._refused = RefusedEvents(clock)
        metrics.ages_of_refused = self._refused.ages

    def keep(self, names: Iterable[str]) -> None:
        """Forget the hooks that are no longer configured. Requests in progress go on."""
        self._rooms = {name: self._rooms.get(name) or _Room() for name in names}
        self._metrics.keep_hooks(self._rooms.keys())
        self._refused.keep(self._rooms.keys())

    async def notify(self, events: Mapping[Hook, Sequence[Arrival]], by: Requester | None) -> bool:
        """Return whether each hook has accepted all of its events. `by` has pushed them."""
        jobs = (self._job(hook, its, by) for hook, its in events.items())
        return all(await asyncio.gather(*jobs))

    async def _job(self, hook: Hook, events: Sequence[Arrival], by: Requester | None) -> bool:
        room = self._rooms.setdefault(hook.name, _Room())
        if not await _has_place(room, is_message=by is None):
            return self._count(hook, room, events[0], _BUSY)
        try:
            return await self._notify_all(hook, room, events, by)
        finally:
            room.jobs.release()

    async def _notify_all(
        self, hook: Hook, room: _Room, events: Sequence[Arrival], by: Requester | None
    ) -> bool:
        """Notify of some at a time, until none of these is accepted."""
        are_all = True
        for start in range(0, len(events), _AT_ONCE):
            some = events[start : start + _AT_ONCE]
            accepted = await asyncio.gather(*(self._notify(hook, room, each, by) for each in some))
            are_all = are_all and all(accepted)
            if not any(accepted):
                return False
        return are_all

    async def _notify(self, hook: Hook, room: _Room, event: Arrival, by: Requester | None) -> bool:
        body, event_id = webhook_body(event), webhook_id(event)
        status, failure = None, None
        async with room.requests:
            headers = signed_headers(hook.keys, event_id, body, now=int(self._clock.wall()))
            began = self._clock.boot()
            try:
                status = await self._sender.post(hook.url, headers, body)
            except NotSent as error:
                failure = str(error)
            room.is_quick = self._clock.boot() - began < _QUICK_SECONDS
        if status is not None and status not in _ACCEPTED:
            failure = f"it answered {status}"
        tried = HookTry(
            hook=hook.name,
            webhook_id=event_id,
            bucket=event.bucket,
            s3_bucket=event.record.s3_bucket,
            key=event.record.key,
            status=status,
        )
        try:
            await self._trail.record_hook_try(tried, by)
        except Overloaded:
            failure = "the audit trail cannot be written"
        return self._count(hook, room, event, failure)

    def _count(self, hook: Hook, room: _Room, event: Arrival, failure: str | None) -> bool:
        """Count a try, and log a failure: at most one of each hook in a minute."""
        self._metrics.notified(hook.name, "delivered" if failure is None else "failed")
        self._refused.note(hook.name, event.record.happened_at, is_refused=failure is not None)
        if failure is not None and (now := self._clock.boot()) >= room.logs_again_at:
            room.logs_again_at = now + _QUIET_SECONDS
            log.warning("hook %s failed, events are sent again: %s", hook.name, failure)
        return failure is None


async def _has_place(room: _Room, *, is_message: bool) -> bool:
    """Take a place for a job. Wait a moment for one if the hook is quick: a message that goes back
    to the queue is counted there. What is for a slow one must not wait, nor many messages for any:
    they would hold up others.
    """
    is_full = is_message and room.waiting >= WAITING
    if room.jobs.locked() and (is_full or not room.is_quick):
        return False
    room.waiting += is_message
    try:
        async with asyncio.timeout(_QUICK_SECONDS):
            return await room.jobs.acquire()
    except TimeoutError:
        return False
    finally:
        room.waiting -= is_message
