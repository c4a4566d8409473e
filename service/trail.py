"""What became of each request is written down, and counted, before anybody is answered."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.answers import Diagnosed, Leave
from service.asks import AnyAsk, operation
from service.audit import Answer, Outcome, Requester, WriteLines, audit_lines
from service.errors import PresignError
from service.sessions.session import Clock


class SigningObserver(Protocol):
    def signed(self, operation: str, bucket: str, limited_by: str | None, count: int) -> None:
        """So many URLs or forms; their lifetime was limited by the grant, the session or nothing."""

    def refused(self, code: str, count: int) -> None:
        """So many were asked for and not signed."""

    def diagnosed(self, finding: str | None) -> None:
        """A failed request was looked at; `finding` is the first, None if there is none."""

    def unaudited(self) -> None:
        """A request could not be written down, and so is not answered."""


class Trail:
    def __init__(
        self, write: WriteLines, *, clock: Clock, observer: SigningObserver | None = None
    ) -> None:
        """`write` takes the audit lines of a request, or raises; then nobody is answered.

        What it returns, if anything, is awaited.
        """
        self._write = write
        self._clock = clock
        self._observer = observer

    async def record(
        self, requester: Requester, outcomes: Sequence[Outcome], s3_buckets: Mapping[str, str]
    ) -> None:
        """`s3_buckets` are the buckets' names at the store."""
        time = self._clock.wall()
        try:
            lines = audit_lines(requester, outcomes, s3_buckets=s3_buckets, time=time)
            if (rest := self._write(lines)) is not None:
                await rest
        except PresignError:
            if self._observer is not None:
                self._observer.unaudited()
            raise
        for ask, key, answer in outcomes:
            self._count(ask, answer, 1 if isinstance(key, str) else len(key))

    def _count(self, ask: AnyAsk, answer: Answer, count: int) -> None:
        if self._observer is None:
            return
        if isinstance(answer, PresignError):
            self._observer.refused(answer.code, count)
            return
        if isinstance(answer, Diagnosed):
            self._observer.diagnosed(answer.first)
            return
        urls = answer.urls if isinstance(answer, Leave) else count
        self._observer.signed(operation(ask), ask.bucket, answer.term.limited_by, urls)
