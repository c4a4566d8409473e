"""Passes what stores report on to hooks: from a queue, a push, or an event of Lambda."""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from service.access.decisions import allows
from service.access.grants import AccessRequest, Operation
from service.api.parts import Core, UseCase
from service.concurrency.event_loop import in_slices, run_in_thread_if
from service.errors import (
    BodyTooLarge,
    Forbidden,
    HookUnavailable,
    InvalidRequest,
    NotConfigured,
)
from service.presigning.requests import Requester
from service.protocols.arrivals.hooks import Arrival, ArrivalsValues, Hook
from service.protocols.arrivals.notifier import JOBS, WAITING, Notifier
from service.protocols.arrivals.poller import Poller
from service.protocols.arrivals.queue import BATCH, EventQueue
from service.protocols.arrivals.records import (
    NotRecords,
    Records,
    TooManyFields,
    Writers,
    may_be_a_caller,
    reading,
    writer,
    writers,
)
from service.protocols.arrivals.sender import Sender

log = logging.getLogger(__name__)

HOLD_SECONDS: Final = 5.0  # before a refused push is answered: Ceph sends it again at once
_RETRY_AFTER: Final = 10
_MAX_FIELDS: Final = 20_000  # which are read as JSON at once: some 1,000 records, in 3 ms
_MANY_CALLERS: Final = 500
_ROLE_SECONDS: Final = 60.0  # to wait for STS, after a start or a reload

# Takes the bucket's name in the configuration, and a key.
MayNotify = Callable[[str, str], bool]
# The names and regions of the buckets in the configuration, by their names at the store
Buckets = Mapping[str, Sequence[tuple[str, str]]]


class Arrivals(UseCase[ArrivalsValues]):
    def __init__(self, core: Core, values: ArrivalsValues | None) -> None:
        self._authorizer = core.authorizer
        self._pool = core.pool
        self._metrics = core.metrics
        self._clock = core.clock
        self._sender = Sender()
        self._notifier = Notifier(
            self._sender,
            clock=core.clock,
            trail=core.authorizer.audit_trail,
            metrics=core.metrics,
        )
        self._writers: Writers | None = None
        self._buckets: Buckets | None = None
        self.hold_seconds = HOLD_SECONDS
        self._poller: Poller | None = None
        self.configure(values)
        if values is not None and values.queue is not None:
            # The SDK's part for queues is a tenth of the start's time, and few need it.
            from service.protocols.arrivals.sqs import SqsQueue  # noqa: PLC0415

            self.poll(SqsQueue(values.queue, values.ca_bundle))

    def configure(self, values: ArrivalsValues | None) -> None:
        self.values, self._writers, self._buckets = values, None, None
        self._has_said_off = False
        self._waits_until = self._clock.boot() + _ROLE_SECONDS
        self._notifier.keep(() if values is None else values.hooks)
        self._sender.trust(None if values is None else values.ca_bundle)

    def poll(self, queue: EventQueue) -> None:
        """Take messages off the queue until `close`."""
        self._poller = Poller(
            queue,
            lambda message: self.take(message.body, message.first_received_at),
            slots=self._slots,
            jitter=random.random,
            on_failure=self._metrics.queue_failed,
        )
        self._poller.start()

    async def close(self) -> None:
        if self._poller is not None:
            await self._poller.stop()
        await self._sender.close()

    async def take(self, message: str, first_seen: float | None = None) -> bool:
        """Return whether a message of a queue is done: each hook that it concerns has accepted it.

        A message without events is done, too. A message whose caller cannot be named yet is not
        done, for a minute. `first_seen` is when the queue first handed it out, in epoch seconds.
        While arrivals are off, no message is done.
        """
        try:
            _ = self.configured
            found = await self._parse(message)
            events = await self._events_of(found, lambda *_: True, None, first_seen)
        except NotConfigured:
            if not self._has_said_off:
                log.warning("arrivals are not configured: the messages stay in the queue")
            self._has_said_off = True
            return False
        except NotRecords:
            log.warning("a message of %d characters has no events, it is deleted", len(message))
            return True
        if events.lack_a_role and self._clock.boot() < self._waits_until:
            return False
        return await self._notifier.notify(events.by_hook, None)

    async def admit(self, requester: Requester) -> None:
        """Count a push as one event. Raises RateLimited, and Forbidden for a caller that may report
        nothing.
        """
        await self._count(requester, 1)
        grants = self._authorizer.access(requester).grants
        if not any(Operation.NOTIFY in grant.allow for grant in grants):
            raise Forbidden

    async def push(self, requester: Requester, body: bytes) -> None:
        """Notify hooks of what a store has pushed, as far as its caller may report it.

        Raises BodyTooLarge, InvalidRequest, RateLimited, Forbidden, and HookUnavailable if it must
        be sent again. Call `admit` before the body is read: it has counted the first event.
        """
        try:
            found = await self._parse(body, _MAX_FIELDS)
        except TooManyFields:
            detail = f"The body has more than {_MAX_FIELDS} fields. Send fewer records."
            raise BodyTooLarge(detail) from None
        except NotRecords:
            raise InvalidRequest("The body has no records of S3's events.") from None
        if found.unreadable and not found.records:
            raise InvalidRequest("No record of the body can be read.")
        if len(found.records) > 1:
            await self._count(requester, len(found.records) - 1)

        grants = self._authorizer.access(requester).grants

        def may_notify(bucket: str, key: str) -> bool:
            needed = AccessRequest(operation=Operation.NOTIFY, bucket=bucket, key=key)
            return allows(grants, needed)

        events = await self._events_of(found, may_notify, requester)
        if found.records and not events.are_allowed:
            raise Forbidden
        if not await self._notifier.notify(events.by_hook, requester):
            await asyncio.sleep(self.hold_seconds)
            detail = "A hook did not accept an event. Send the records again."
            raise HookUnavailable(detail, retry_after=_RETRY_AFTER)

    async def _count(self, requester: Requester, events: int) -> None:
        """Count against the caller's rate. Raises RateLimited."""
        if (counted := self._authorizer.count(requester, events)) is not None:
            await counted

    def _slots(self) -> int:
        """Return more slots than one hook can take, so that others get some."""
        return 0 if self.values is None else (JOBS + WAITING) * len(self.values.hooks) + BATCH

    async def _parse(self, body: bytes | str, max_fields: int | None = None) -> Records:
        """Raises NotRecords and TooManyFields."""
        async for found in in_slices(reading(body, max_fields)):
            so_far = found
        if so_far.unreadable:
            log.warning("%d records of a message or push cannot be read", so_far.unreadable)
        return so_far

    async def _events_of(
        self,
        found: Records,
        may_notify: MayNotify,
        by: Requester | None,
        first_seen: float | None = None,
    ) -> "_Events":
        """Return the events of each hook. `by` has pushed them."""
        events, buckets, hooks = _Events(), self._known_buckets(), self.configured.by_bucket()
        known = await self._known_writers() if found.records else {}
        async for record in in_slices(found.records):
            # Several names in the configuration may be of the same bucket.
            for bucket, region in buckets.get(record.s3_bucket, ()):
                if record.region not in {None, region} or not may_notify(bucket, record.key):
                    continue
                events.are_allowed = True
                # A caller may have made up what it pushes.
                role = self._pool.role_id(bucket)
                who = None if by is not None else writer(record.principal, role, known)
                is_early = not self._pool.has_begun(bucket)
                for hook in hooks.get(bucket, ()):
                    if hook.wants(record.key, record.happened):
                        events.by_hook[hook].append(Arrival(bucket, record, who, first_seen))
                        events.lack_a_role |= is_early and may_be_a_caller(record.principal)
        return events

    def _known_buckets(self) -> Buckets:
        if (known := self._buckets) is None:
            found = defaultdict[str, list[tuple[str, str]]](list)
            for name, bucket in self._authorizer.snapshot.buckets.items():
                found[bucket.s3_bucket].append((name, bucket.address.region))
            known = self._buckets = dict(found)
        return known

    async def _known_writers(self) -> Writers:
        entries = self._authorizer.snapshot.callers
        if (known := self._writers) is None:
            known = await run_in_thread_if(len(entries) > _MANY_CALLERS, writers, entries)
            if self._authorizer.snapshot.callers is entries:  # no reload since
                self._writers = known
        return known


@dataclass(slots=True)
class _Events:
    """The events of each hook.

    `are_allowed` says whether some record may be reported. `lack_a_role` says whether STS has not
    yet named the role of a record's bucket.
    """

    by_hook: dict[Hook, list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    are_allowed: bool = False
    lack_a_role: bool = False
