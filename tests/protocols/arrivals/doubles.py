"""Hooks and a queue that answer as a test says, and remember what they got."""

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.protocols.arrivals.queue import Message, QueueUnavailable
from service.protocols.arrivals.sender import NotSent

Answers = Callable[[str], int | str]  # of a URL: a status, or why there is none


@dataclass
class FakeHooks:
    """Takes the requests to hooks. `seconds` are how long one takes to answer, by its URL."""

    answer: Answers = lambda _: 204
    seconds: dict[str, float] = field(default_factory=dict)
    sent: list[tuple[str, Mapping[str, str], dict[str, Any]]] = field(default_factory=list)
    running: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.sent.append((url, headers, json.loads(body)))
        self.running[url] = self.running.get(url, 0) + 1
        self.most[url] = max(self.most.get(url, 0), self.running[url])
        try:
            await asyncio.sleep(self.seconds.get(url, 0))
        finally:
            self.running[url] -= 1
        answer = self.answer(url)
        if isinstance(answer, str):
            raise NotSent(answer)
        return answer

    def keys(self, url: str) -> list[str]:
        return [body["data"]["key"] for sent_to, _, body in self.sent if sent_to == url]


@dataclass
class _Queued:
    body: str
    visible_at: float = 0.0
    receives: int = 0
    receipt: str = ""


class FakeQueue:
    """As SQS: a received message is invisible, and comes back unless it is deleted."""

    def __init__(
        self,
        bodies: Iterable[str] = (),
        *,
        invisible: float = 30.0,
        first_received_at: float | None = None,
    ) -> None:
        self._first_received_at = first_received_at
        self._messages = [_Queued(body) for body in bodies]
        self._receipts = itertools.count()
        self._invisible = invisible
        self.failures = 0  # calls that fail from now on
        self.received: list[tuple[float, str]] = []
        self.calls: list[str] = []
        self.is_closed = False
        self.is_empty = asyncio.Event()

    def put(self, body: str) -> None:
        self._messages.append(_Queued(body))

    @property
    def left(self) -> int:
        return len(self._messages)

    async def receive(self, most: int) -> Sequence[Message]:
        self._called("receive")
        began = now = self._now()
        while not (ready := [each for each in self._messages if each.visible_at <= now][:most]):
            if now >= began + 20:
                break
            next_one = min((each.visible_at for each in self._messages), default=now + 1)
            await asyncio.sleep(min(1, next_one - now))
            now = self._now()
        return [self._hand_out(each, now) for each in ready]

    async def delete(self, receipts: Sequence[str]) -> None:
        self._called("delete")
        self._messages = [each for each in self._messages if each.receipt not in receipts]
        if not self._messages:
            self.is_empty.set()

    async def hide(self, hidden: Sequence[tuple[str, int]]) -> None:
        self._called("hide")
        now = self._now()
        for receipt, seconds in hidden:
            for each in self._messages:
                if each.receipt == receipt:
                    each.visible_at = now + seconds

    async def close(self) -> None:
        self.is_closed = True

    def _hand_out(self, message: _Queued, now: float) -> Message:
        message.receives += 1
        message.visible_at = now + self._invisible
        message.receipt = f"receipt-{next(self._receipts)}"
        self.received.append((now, message.body))
        return Message(
            body=message.body,
            receipt=message.receipt,
            receives=message.receives,
            first_received_at=self._first_received_at,
        )

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.failures:
            self.failures -= 1
            raise QueueUnavailable("ConnectionError")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
