"""A hook on loopback that verifies each request, answers as a test says, and remembers."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from presign_client.webhooks import verify
from tests.support.http_servers import Handler, serving

HANG_UP: Final = 0  # instead of a status: the connection ends without an answer


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that the hook has accepted. `at` is in epoch seconds."""

    webhook_id: str
    event: dict[str, Any]
    at: float

    @property
    def key(self) -> str:
        return str(self.event["data"]["key"])


# The status for an event and the path of the hook, of which this is a try, from 1
Answer = Callable[[dict[str, Any], str, int], int]


@dataclass
class ReceivingHook:
    """`secret` verifies. What is not signed with it counts as `forged`, and is 401."""

    secret: str
    answer: Answer = lambda *_: 204
    taken: list[Taken] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # by webhook-id
    forged: int = 0
    _lock: Lock = field(default_factory=Lock)

    def take(self, headers: Any, path: str, body: bytes) -> int:
        webhook_id, now = headers.get("webhook-id", ""), time.time()
        try:
            event = verify(headers, body, self.secret)
        except Exception:  # noqa: BLE001 - whatever it is, presign has not sent it
            with self._lock:
                self.forged += 1
            return 401
        with self._lock:
            self.tries[webhook_id] += 1
            attempt = self.tries[webhook_id]
        if (status := self.answer(event, path, attempt)) in range(200, 300):
            with self._lock:
                self.taken.append(Taken(webhook_id, event, now))
        return status

    @property
    def ids_by_key(self) -> dict[str, set[str]]:
        found = defaultdict[str, set[str]](set)
        for each in [*self.taken]:
            found[each.key].add(each.webhook_id)
        return found

    def wait_for(self, key: str, seconds: float = 30.0) -> Taken:
        """Return the first event of a key that was accepted."""
        deadline = time.monotonic() + seconds
        while True:
            for each in [*self.taken]:
                if each.key == key:
                    return each
            assert time.monotonic() < deadline, f"no event of {key}"
            time.sleep(0.02)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Yield the hook's URL, to which paths may be added."""
        take = self.take

        class Receiver(Handler):
            def handle(self) -> None:
                with suppress(ConnectionError):  # of a replica that was killed
                    super().handle()

            def do_POST(self) -> None:  # noqa: N802 - its name there
                body = self.rfile.read(int(self.headers["content-length"]))
                if (status := take(self.headers, self.path, body)) == HANG_UP:
                    self.close_connection = True
                else:
                    self.answer(status, headers={"location": "/elsewhere"})

        with serving(Receiver) as url:
            yield url
