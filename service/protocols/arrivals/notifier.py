"""Notifies hooks of what happened. Each has its own bounds, so that a slow one delays no other.

The callers that push for one hook, and the queue, take turns: each has a share of its requests.

Nothing is kept: the sender of the events learns if all were accepted, and sends them again if not.
"""

import asyncio
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from service.api.limits import BatchQueue, ConcurrencyLimiter
from service.api.request_state import CallerId
from service.clock import Clock
from service.errors import Overloaded
from service.presigning.audit_trail import AuditTrail
from service.presigning.requests import Requester
from service.protocols.arrivals.hooks import Hook, HookTry
from service.protocols.arrivals.messages import Arrival, webhook_body, webhook_id
from service.protocols.arrivals.places import QUICK_SECONDS, Places
from service.protocols.arrivals.refused_events import RefusedEvents
from service.protocols.arrivals.sender import NotSent
from service.protocols.arrivals.signing import signed_headers
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

IN_FLIGHT: Final = 16  # requests to one hook
_AT_ONCE: Final = 8  # requests of one job
_QUIET_SECONDS: Final = 60.0
_BUSY: Final = "it answers too slowly for the number of events"
_ACCEPTED: Final = range(200, 300)
_QUEUE: Final[CallerId] = (None, "")  # takes turns with the callers that push


class Sends(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status of the answer. Raises NotSent."""


def _new_turns() -> BatchQueue:
    # `acquire_again` takes turns of it: places limit how many requests wait.
    return BatchQueue(ConcurrencyLimiter(0), slots=IN_FLIGHT)


@dataclass(slots=True)
class _Room:
    """What one hook takes of the service."""

    requests: BatchQueue = field(default_factory=_new_turns)
    places: Places = field(default_factory=Places)
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
        room, caller_id = self._rooms.setdefault(hook.name, _Room()), _caller_id(by)
        if not await room.places.acquire(caller_id, is_quick=room.is_quick):
            return self._count(hook, room, events[0], _BUSY)
        try:
            return await self._notify_all(hook, room, events, by)
        finally:
            room.places.release(caller_id)

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
        await room.requests.acquire_again(_caller_id(by) or _QUEUE)
        began = self._clock.boot()
        try:
            headers = signed_headers(hook.keys, event_id, body, now=int(self._clock.wall()))
            status = await self._sender.post(hook.url, headers, body)
        except NotSent as error:
            failure = str(error)
        finally:
            room.is_quick = self._clock.boot() - began < QUICK_SECONDS
            room.requests.release()
        if status is not None and status not in _ACCEPTED:
            failure = f"it answered {status}"
        tried = HookTry(
            hook=hook.name,
            webhook_id=event_id,
            bucket=event.bucket,
            s3_bucket=event.record.s3_bucket,
            key=event.record.key,
            status=status,
            failure=failure,
        )
        try:
            await self._trail.record_event(tried.members(), tried.key, by)
        except Overloaded:
            failure = "the audit trail cannot be written"
        return self._count(hook, room, event, failure)

    def _count(self, hook: Hook, room: _Room, event: Arrival, failure: str | None) -> bool:
        """Count a try, and log a failure: at most one of each hook in a minute."""
        self._metrics.notified(hook.name, "delivered" if failure is None else "failed")
        self._refused.note(hook.name, event, is_refused=failure is not None)
        if failure is not None and (now := self._clock.boot()) >= room.logs_again_at:
            room.logs_again_at = now + _QUIET_SECONDS
            log.warning("hook %s failed, events are sent again: %s", hook.name, failure)
        return failure is None


def _caller_id(by: Requester | None) -> CallerId | None:
    caller = None if by is None else by.identity.caller
    return None if caller is None else (caller.issuer, caller.subject)
