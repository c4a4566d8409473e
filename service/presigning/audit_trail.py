"""Writes and counts the outcome of each request before the answer is sent."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from service.clock import Clock
from service.concurrency.event_loop import ITEMS_PER_SLICE
from service.concurrency.pending import Pending
from service.errors import Overloaded, PresignError, Unauthenticated
from service.presigning.answers import Members, SigningObserver
from service.presigning.audit import (
    Outcome,
    RefusedBatch,
    WriteLines,
    audit_lines,
    event_line,
    refused_batch_line,
)
from service.presigning.requests import Requester, UnreadRequest
from service.telemetry.logs import LineLimit

_FEW: Final = 9  # lines in a second; the tenth has the number of the others


class _FewLines:
    """Limits the audit lines that clients without a key can cause. Each kind has its own limit."""

    def __init__(self) -> None:
        self.limit = LineLimit(_FEW)
        self.counting: asyncio.Task[None] | None = None


class AuditTrail:
    def __init__(self, write: WriteLines, *, clock: Clock, observer: SigningObserver) -> None:
        """`write` takes the audit lines of a request. If it raises, the request is not answered."""
        self._write = write
        self._clock = clock
        self._observer = observer
        self._unauthenticated, self._refused_uses = _FewLines(), _FewLines()

    def record(
        self, requester: Requester, outcomes: Sequence[Outcome], s3_buckets: Mapping[str, str]
    ) -> Pending:
        """`s3_buckets` are the buckets' names at the store. Raises Overloaded."""
        time = self._clock.wall()
        lines = audit_lines(requester, outcomes, s3_buckets=s3_buckets, time=time)
        rest = self._put(lines)
        if rest is not None or len(outcomes) > ITEMS_PER_SLICE:
            return self._count_later(rest, outcomes)
        self._count_all(outcomes)
        return None

    async def record_batch(
        self,
        requester: Requester,
        batch: RefusedBatch,
        refusal: PresignError,
        s3_buckets: Mapping[str, str],
    ) -> None:
        """Record a batch that was refused before its items were validated."""
        time = self._clock.wall()
        line = refused_batch_line(requester, batch, refusal, s3_buckets=s3_buckets, time=time)
        await self._put_line(line)
        self._observer.refused(refusal.code, batch.count)

    async def record_unauthenticated(self, request_id: str, client: str | None, route: str) -> None:
        of_request = (("request_id", request_id), ("client", client))
        decision = (("decision", "denied"), ("reason", Unauthenticated.code))
        members = (*of_request, *decision, ("route", route))
        line = event_line(members, time=self._clock.wall())
        await self._put_one_of_few(self._unauthenticated, line, decision)

    async def record_refused_use(
        self, requester: Requester, route: str, refusal: PresignError
    ) -> None:
        """Record that a genuine share link was refused. The requester is its maker."""
        outcome = (UnreadRequest(route), (), refusal)
        [line] = audit_lines(requester, [outcome], s3_buckets={}, time=self._clock.wall())
        shared = (("decision", "denied"), ("route", route))
        await self._put_one_of_few(self._refused_uses, line, shared)

    async def record_event(
        self, members: Members, key: str, requester: Requester | None = None
    ) -> None:
        """Record what answers no request. `requester` has caused it, if anybody.

        Raises Overloaded.
        """
        of_requester = () if requester is None else _members_of(requester)
        line = event_line(of_requester + members, key, time=self._clock.wall())
        await self._put_line(line)

    async def _put_one_of_few(self, few: _FewLines, line: bytes, shared: Members) -> None:
        """`shared` are the members that the line which counts the others has too."""
        if few.limit.allows(self._clock.boot()):
            await self._put_line(line)
        elif few.counting is None:
            few.counting = asyncio.create_task(self._record_suppressed(few, shared))

    async def _record_suppressed(self, few: _FewLines, shared: Members) -> None:
        await asyncio.sleep(1)
        few.counting = None
        members = (*shared, ("suppressed", few.limit.suppressed()))
        line = event_line(members, time=self._clock.wall())
        with suppress(Overloaded):  # no request depends on this line; the failure is counted
            await self._put_line(line)

    async def _put_line(self, line: bytes) -> None:
        if (rest := self._put([line])) is not None:
            await rest

    def _put(self, lines: list[bytes]) -> Pending:
        """As `write`, and counts a failure."""
        try:
            rest = self._write(lines)
        except PresignError:
            self._observer.audit_failed()
            raise
        return None if rest is None else self._put_rest(rest)

    async def _put_rest(self, rest: Awaitable[None]) -> None:
        try:
            await rest
        except PresignError:
            self._observer.audit_failed()
            raise

    async def _count_later(self, rest: Pending, outcomes: Sequence[Outcome]) -> None:
        # Let others have a turn: the lines of uploads that all differ took some ms.
        await (asyncio.sleep(0) if rest is None else rest)
        self._count_all(outcomes)

    def _count_all(self, outcomes: Sequence[Outcome]) -> None:
        for request, key, answer in outcomes:
            keys = 1 if isinstance(key, str) else max(1, len(key))
            if isinstance(answer, PresignError):
                self._observer.refused(answer.code, keys)
            else:
                answer.count(self._observer, request, keys)


def _members_of(requester: Requester) -> Members:
    caller = requester.identity.caller
    return (
        ("request_id", requester.request_id),
        ("issuer", caller.issuer),
        ("subject", caller.subject),
        ("client", requester.client),
    )
