"""Notifies hooks of what happened.

Rules of this file:
- Each hook has its own bounds, so that a slow one delays no other. A job is what one message, or
  one push, has for the hook.
- The callers that push for one hook, and the queue, take turns: each has a share of its requests.
- Messages and pushes have slots of their own, so that neither takes those of the other.
- Nothing is kept: the sender of the events learns if all were accepted, and sends them again if
  not. Only the age of the oldest event that a hook has refused is known.
"""

import asyncio
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from weakref import WeakValueDictionary

from service.api.limits import BatchQueue, ConcurrencyLimiter
from service.api.request_state import CallerId
from service.clock import Clock
from service.errors import Overloaded
from service.presigning.audit_trail import AuditTrail
from service.presigning.requests import Requester
from service.protocols.arrivals.hooks import (
    Arrival,
    Hook,
    members_of_try,
    signed_headers,
    webhook_body,
    webhook_id,
)
from service.protocols.arrivals.queue import LONGEST_RETENTION, LONGEST_SECONDS
from service.protocols.arrivals.sender import NotSent
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

JOBS: Final = 64  # of messages, and as many of pushes
WAITING: Final = 10  # messages, beyond these
QUICK_SECONDS: Final = 1.0
IN_FLIGHT: Final = 16  # requests to one hook
_AT_ONCE: Final = 8  # requests of one job
_QUIET_SECONDS: Final = 60.0
_BUSY: Final = "it answers too slowly for the number of events"
_ACCEPTED: Final = range(200, 300)
_QUEUE: Final[CallerId] = (None, "")  # takes turns with the callers that push
_SLACK: Final = 120.0  # seconds; stores that push send again within a minute


class JobSlots:
    """Limits how many jobs of one hook run at a time."""

    def __init__(self) -> None:
        self._messages = asyncio.Semaphore(JOBS)
        self._waiting = 0  # messages
        self._pushes = ConcurrencyLimiter(JOBS)
        self._turns = WeakValueDictionary[CallerId, asyncio.Lock]()  # one push of each caller waits
        self._released = asyncio.Event()  # a slot of a push

    async def acquire(self, caller_id: CallerId | None, *, is_quick: bool) -> bool:
        """Take a slot for a push of a caller, or for a message. Return whether there was one.

        A caller may hold half of the slots that other callers do not use. For a quick hook, pushes
        and up to WAITING messages wait a moment, since the queue counts each return of a message. A
        slow hook's jobs are refused at once, so that they hold up no others.
        """
        may_wait = is_quick and (caller_id is not None or self._waiting < WAITING)
        self._waiting += caller_id is None
        try:
            async with asyncio.timeout(QUICK_SECONDS if may_wait else 0):
                if caller_id is None:
                    return await self._messages.acquire()
                await self._acquire_for_push(caller_id)
                return True
        except TimeoutError:
            return False
        finally:
            self._waiting -= caller_id is None

    def release(self, caller_id: CallerId | None) -> None:
        if caller_id is None:
            self._messages.release()
        else:
            self._pushes.release(caller_id)
            self._released.set()

    async def _acquire_for_push(self, caller_id: CallerId) -> None:
        turn = self._turns.setdefault(caller_id, asyncio.Lock())
        async with turn:
            while not self._has_share(caller_id):
                self._released.clear()
                await self._released.wait()

    def _has_share(self, caller_id: CallerId) -> bool:
        try:
            self._pushes.acquire(caller_id)
        except Overloaded:
            return False
        return True


class Sends(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status of the answer. Raises NotSent."""


@dataclass(slots=True)
class _HookBounds:
    """The bounds of one hook, and how it did last."""

    requests: BatchQueue = field(  # `acquire_again` takes turns: slots limit how many wait
        default_factory=lambda: BatchQueue(ConcurrencyLimiter(0), slots=IN_FLIGHT)
    )
    slots: JobSlots = field(default_factory=JobSlots)
    is_quick: bool = True  # as its last answer was
    logs_again_at: float = -math.inf  # seconds of the boot clock


class Notifier:
    def __init__(self, sender: Sends, *, clock: Clock, trail: AuditTrail, metrics: Metrics) -> None:
        self._sender = sender
        self._clock = clock
        self._trail = trail
        self._metrics = metrics
        self._bounds: dict[str, _HookBounds] = {}
        self._refused = RefusedEvents(clock)
        metrics.ages_of_refused = self._refused.ages

    def keep(self, names: Iterable[str]) -> None:
        """Forget the hooks that are no longer configured. Requests in progress go on."""
        self._bounds = {name: self._bounds.get(name) or _HookBounds() for name in names}
        self._metrics.keep_hooks(self._bounds.keys())
        self._refused.keep(self._bounds.keys())

    async def notify(self, events: Mapping[Hook, Sequence[Arrival]], by: Requester | None) -> bool:
        """Return whether each hook has accepted all of its events. `by` has pushed them."""
        jobs = (self._job(hook, its, by) for hook, its in events.items())
        return all(await asyncio.gather(*jobs))

    async def _job(self, hook: Hook, events: Sequence[Arrival], by: Requester | None) -> bool:
        bounds, caller_id = self._bounds.setdefault(hook.name, _HookBounds()), _caller_id(by)
        if not await bounds.slots.acquire(caller_id, is_quick=bounds.is_quick):
            return self._count(hook, bounds, events[0], _BUSY)
        try:
            return await self._notify_all(hook, bounds, events, by)
        finally:
            bounds.slots.release(caller_id)

    async def _notify_all(
        self, hook: Hook, bounds: _HookBounds, events: Sequence[Arrival], by: Requester | None
    ) -> bool:
        """Notify of some at a time, until none of these is accepted."""
        are_all = True
        for start in range(0, len(events), _AT_ONCE):
            some = events[start : start + _AT_ONCE]
            accepted = await asyncio.gather(
                *(self._notify(hook, bounds, event, by) for event in some)
            )
            are_all = are_all and all(accepted)
            if not any(accepted):
                return False
        return are_all

    async def _notify(
        self, hook: Hook, bounds: _HookBounds, event: Arrival, by: Requester | None
    ) -> bool:
        body, event_id = webhook_body(event), webhook_id(event)
        status, failure = None, None
        await bounds.requests.acquire_again(_caller_id(by) or _QUEUE)
        began = self._clock.boot()
        try:
            headers = signed_headers(hook.keys, event_id, body, now=int(self._clock.wall()))
            status = await self._sender.post(hook.url, headers, body)
        except NotSent as error:
            failure = str(error)
        finally:
            bounds.is_quick = self._clock.boot() - began < QUICK_SECONDS
            bounds.requests.release()
        if status is not None and status not in _ACCEPTED:
            failure = f"it answered {status}"
        members = members_of_try(hook.name, event_id, event, status, failure)
        try:
            await self._trail.record_event(members, event.record.key, by)
        except Overloaded:
            failure = "the audit trail cannot be written"
        return self._count(hook, bounds, event, failure)

    def _count(self, hook: Hook, bounds: _HookBounds, event: Arrival, failure: str | None) -> bool:
        """Count a try, and log a failure: at most one of each hook in a minute."""
        self._metrics.notified(hook.name, "delivered" if failure is None else "failed")
        self._refused.note(hook.name, event, is_refused=failure is not None)
        if failure is not None and (now := self._clock.boot()) >= bounds.logs_again_at:
            bounds.logs_again_at = now + _QUIET_SECONDS
            log.warning("hook %s failed, events are sent again: %s", hook.name, failure)
        return failure is None


def _caller_id(by: Requester | None) -> CallerId | None:
    caller = None if by is None else by.identity.caller
    return None if caller is None else (caller.issuer, caller.subject)


@dataclass(slots=True)
class _Oldest:
    event_id: str
    since: float
    forget_at: float
    has_accepted_others: bool = False  # since its last try


class RefusedEvents:
    """Knows how long each hook has refused the oldest event that it has not accepted since.

    No sender's clock counts. An event is as old as the time since the queue first handed it out, or
    since this replica first saw it refused. Only the oldest is kept, and only until it should have
    come back: then another replica has notified the hook, or nobody sends it again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._oldest: dict[str, _Oldest | None] = {}

    def keep(self, hooks: Iterable[str]) -> None:
        """Forget all other hooks."""
        self._oldest = {hook: self._oldest.get(hook) for hook in hooks}

    def note(self, hook: str, event: Arrival, *, is_refused: bool) -> None:
        """Note a try to deliver an event."""
        if hook not in self._oldest:  # it was removed meanwhile
            return
        now = self._clock.wall()
        oldest = self._known(hook, now)
        if is_refused:
            self._oldest[hook] = _after_refusal(oldest, event, now)
        elif oldest is not None:
            oldest.has_accepted_others = True
            is_it = webhook_id(event) == oldest.event_id
            self._oldest[hook] = None if is_it else oldest

    def ages(self) -> Iterable[tuple[str, float]]:
        """Yield each hook, and an age in seconds, which is 0 if there is no such event."""
        now = self._clock.wall()
        for hook in self._oldest:
            oldest = self._known(hook, now)
            yield hook, 0.0 if oldest is None else max(0.0, now - oldest.since)

    def _known(self, hook: str, now: float) -> _Oldest | None:
        oldest = self._oldest[hook]
        return None if oldest is None or now >= oldest.forget_at else oldest


def _after_refusal(oldest: _Oldest | None, event: Arrival, now: float) -> _Oldest:
    event_id, since, back_within = webhook_id(event), now, 0.0
    if event.first_seen is not None and now - LONGEST_RETENTION <= event.first_seen <= now:
        # A message is tried again after about as long as it has waited.
        since, back_within = event.first_seen, min(2 * (now - event.first_seen), LONGEST_SECONDS)
    if oldest is not None:
        if event_id == oldest.event_id:
            since = min(since, oldest.since)
        elif oldest.since <= since:
            if not oldest.has_accepted_others:  # the hook refuses all
                oldest.forget_at = max(oldest.forget_at, now + _SLACK)
            return oldest
    return _Oldest(event_id, since, now + back_within + _SLACK)
