"""Two replicas behind nginx, configured by deploy/nginx, and callers that keep sending."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final
from uuid import uuid4

import httpx

from tests.support.processes import free_ports
from tests.support.service import (
    API_KEY,
    SignedRequest,
    as_signed,
    make_settings,
    run_service_process,
)
from tests.support.signed_urls import access_key_id_of
from tests.support.stores import Store

# For how long nginx may still avoid a replica that is back: it counts whole seconds, so a fail_timeout
# of 1 s can be 2 s (ngx_http_upstream_round_robin.c). One more, for the first request that tries it.
DRAIN_SECONDS: Final = 3
STOP_SECONDS: Final = 30
CALLERS: Final = 8
PAUSE_SECONDS: Final = 0.01  # of a caller between two requests
MOST_REQUESTS: Final = 20_000  # of all callers: a limit, in case nobody stops them
BATCH: Final = 20
READ: Final = "replicas/read"


class Replica:
    """`presign serve`, with an address that stays the same across restarts."""

    def __init__(self, store: Store, directory: Path) -> None:
        directory.mkdir()
        self._store, self._directory = store, directory
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()

    def start(self) -> None:
        settings = make_settings(self._store) | {"server": {"drain_seconds": DRAIN_SECONDS}}
        started = run_service_process(settings, self._directory, self.port, **self._store.base_keys)
        self._process = self._stack.enter_context(started)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def ended(self) -> int:
        assert self._process is not None
        return self._process.wait(STOP_SECONDS)

    def close(self) -> None:
        self._stack.close()


@contextmanager
def two_replicas(store: Store, directory: Path) -> Iterator[tuple[Replica, Replica]]:
    pair = (Replica(store, directory / "one"), Replica(store, directory / "two"))
    try:
        with ThreadPoolExecutor() as both:
            list(both.map(Replica.start, pair))
        yield pair
    finally:
        for each in pair:
            each.close()


@dataclass
class Tally:
    """The callers' answers, in the order in which they came, and failures."""

    given: list[tuple[str, SignedRequest]] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)  # that signed the answers
    answers: int = 0
    failures: list[str] = field(default_factory=list)

    def take(self, kind: str, reply: httpx.Response) -> None:
        self.answers += 1
        if reply.status_code != 200:
            self.failures.append(f"{kind}: {reply.status_code} {reply.text}")
            return
        body: dict[str, Any] = reply.json()
        each = [result["request"] for result in body.get("results", [{"request": body}])]
        assert len(each) == (BATCH if kind == "batch" else 1)
        of = "upload" if kind == "upload" else "download"
        self.given += [(of, as_signed(one)) for one in each]
        self.sessions.add(access_key_id_of(each[0]["url"]))

    def by_session(self) -> dict[str, list[tuple[str, SignedRequest]]]:
        found: dict[str, list[tuple[str, SignedRequest]]] = {}
        for kind, signed in self.given:
            found.setdefault(access_key_id_of(signed.url), []).append((kind, signed))
        return found


@contextmanager
def under_load(url: str) -> Iterator[Tally]:
    """Callers send requests to `url` until the block ends; each waits for its answer."""
    tally, stop = Tally(), Event()
    thread = Thread(target=lambda: asyncio.run(_load(url, tally, stop)))
    thread.start()
    try:
        yield tally
    finally:
        stop.set()
        thread.join()


async def _load(url: str, tally: Tally, stop: Event) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    numbers = count()
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=20) as client,
        asyncio.TaskGroup() as callers,
    ):
        for _ in range(CALLERS):
            callers.create_task(_caller(client, tally, stop, numbers))


async def _caller(
    client: httpx.AsyncClient, tally: Tally, stop: Event, numbers: Iterator[int]
) -> None:
    for number in numbers:
        if stop.is_set() or number >= MOST_REQUESTS:
            return
        kind, path, body = _asked(number)
        try:
            tally.take(kind, await client.post(f"/v1/{path}", json=body))
        except httpx.TransportError as error:
            tally.failures.append(f"{kind}: {type(error).__name__}")
        await asyncio.sleep(PAUSE_SECONDS)


def _asked(number: int) -> tuple[str, str, dict[str, Any]]:
    one: dict[str, Any] = {"bucket": "objects", "key": READ}
    match number % 4:
        case 0:
            return "batch", "download-urls/batch", {"items": [one] * BATCH}
        case 1:
            upload = {"bucket": "objects", "key": f"replicas/{uuid4()}", "content_length": 5}
            return "upload", "upload-urls", upload
        case _:
            return "download", "download-urls", one
