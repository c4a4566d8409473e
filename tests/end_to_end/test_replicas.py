"""Two replicas behind nginx, under load, while one of them goes away."""

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.browser.proxy import nginx
from tests.end_to_end.replicas import (
    READ,
    Replica,
    Tally,
    proxying,
    session_of,
    two_replicas,
    under_load,
)
from tests.support.processes import free_ports
from tests.support.service import SignedRequest, send
from tests.support.stores import Store

BODY: Final = b"bytes"
SAMPLE: Final = 6  # URLs of each kind and session that are sent to the store


@dataclass(frozen=True, slots=True)
class ReplicaSetup:
    one: Replica
    two: Replica
    url: str
    directory: Path

    def proxy_said(self) -> str:
        return (self.directory / "output.log").read_text()


@pytest.fixture(name="setup")
def _setup(ministack: Store, tmp_path: Path) -> Iterator[ReplicaSetup]:
    binary = nginx()
    ministack.admin_client().put_object(Bucket=ministack.bucket, Key=READ, Body=BODY)
    with (
        two_replicas(ministack, tmp_path) as (one, two),
        proxying(binary, tmp_path, (one.port, two.port)) as url,
    ):
        yield ReplicaSetup(one, two, url, tmp_path)


def test_a_killed_replica_loses_no_request_and_no_url(
    setup: ReplicaSetup,
) -> None:
    with under_load(setup.url) as tally:
        wait_for(tally, answers=200, sessions=2)  # each replica has its own
        setup.one.signal(signal.SIGSTOP)  # so that it holds requests without answering
        time.sleep(1)
        setup.one.signal(signal.SIGKILL)
        setup.one.ended()
        # nginx tries it again after a while, and nothing listens there.
        wait_until(lambda: "Connection refused" in setup.proxy_said() or tally.failures)
        wait_for(tally, answers=tally.answers + 100)
    assert tally.failures == []
    assert "while reading response header from upstream" in setup.proxy_said()
    assert len({session_of(signed.url) for _, signed in tally.given[-100:]}) == 1
    assert len(tally.sessions) == 2
    assert_all_work(tally)


def test_a_rolling_restart_loses_no_request_and_no_url(setup: ReplicaSetup) -> None:
    with under_load(setup.url) as tally:
        wait_for(tally, answers=100, sessions=2)
        for each in (setup.one, setup.two):  # the second as soon as the first is ready
            each.signal(signal.SIGTERM)
            assert each.ended() == 0
            each.start()
        wait_for(tally, sessions=4)  # both serve again, with new sessions
    assert tally.failures == []
    assert len(tally.sessions) == 4
    assert_all_work(tally)


def wait_for(tally: Tally, *, answers: int = 0, sessions: int = 0) -> None:
    wait_until(
        lambda: (tally.answers >= answers and len(tally.sessions) >= sessions) or tally.failures
    )


def wait_until(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def assert_all_work(tally: Tally) -> None:
    """Send some URLs of each kind and session, from the first to the last."""
    for given in tally.by_session().values():
        for kind in ("download", "upload"):
            signed = [each for of, each in given if of == kind]
            for each in signed[:: max(1, len(signed) // SAMPLE)]:
                assert_works(kind, each)


def assert_works(kind: str, signed: SignedRequest) -> None:
    reply = send(signed, BODY if kind == "upload" else None)
    assert reply.status_code == 200, reply.text
    if kind == "download":
        assert reply.content == BODY


# How nginx handles a replica that takes a request and dies


@dataclass
class Stub:
    """A replica that answers requests, or closes their connections."""

    answers: bool
    seen: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if length is not None:  # a connection that is closed on an unread body is reset
            await reader.readexactly(int(length[1]))
        self.seen += 1
        if self.answers:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(stub: Stub) -> AsyncIterator[int]:
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("method", "path", "is_repeated"),
    [
        ("POST", "/v1/download-urls", True),
        ("POST", "/v1/upload-urls/batch", True),
        ("POST", "/v1/object-checks", True),
        ("GET", "/v1/multipart-uploads/an-id/parts", True),
        ("DELETE", "/v1/multipart-uploads/an-id", True),
        ("POST", "/v1/multipart-uploads", False),
        ("POST", "/v1/multipart-uploads/an-id/complete", False),
    ],
)
async def test_calls_with_effects_at_the_store_are_not_retried(
    tmp_path: Path, method: str, path: str, *, is_repeated: bool
) -> None:
    dying, well = Stub(answers=False), Stub(answers=True)
    async with listening(dying) as one, listening(well) as two:
        reply = await requested(tmp_path, (one, two), method, path)
    assert dying.seen == 1
    assert well.seen == (1 if is_repeated else 0)
    assert reply.status_code == (200 if is_repeated else 502)


async def test_requests_that_no_replica_took_are_retried(
    tmp_path: Path,
) -> None:
    well = Stub(answers=True)
    (nobody,) = free_ports(1)
    async with listening(well) as two:
        reply = await requested(tmp_path, (nobody, two), "POST", "/v1/multipart-uploads")
    assert (well.seen, reply.status_code) == (1, 200)


async def test_sticky_routing_gives_each_caller_one_replica(
    tmp_path: Path,
) -> None:
    one, two = Stub(answers=True), Stub(answers=True)
    async with (
        listening(one) as first,
        listening(two) as second,
        through_nginx(tmp_path, (first, second), sticky=True) as client,
    ):
        seen = set()
        for caller in range(20):
            before = (one.seen, two.seen)
            headers = {"Authorization": f"Bearer {caller}"}
            for _ in range(3):
                await client.post("/v1/download-urls", content=b"{}", headers=headers)
            seen.add((one.seen - before[0], two.seen - before[1]))
    assert seen == {(3, 0), (0, 3)}


async def requested(
    directory: Path, ports: tuple[int, int], method: str, path: str
) -> httpx.Response:
    async with through_nginx(directory, ports) as client:
        return await client.request(method, path, content=b"{}" if method == "POST" else None)


@asynccontextmanager
async def through_nginx(
    directory: Path, ports: tuple[int, int], *, sticky: bool = False
) -> AsyncIterator[httpx.AsyncClient]:
    proxy = proxying(nginx(), directory, ports, sticky=sticky)
    url = await asyncio.to_thread(proxy.__enter__)
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as client:
            yield client
    finally:
        await asyncio.to_thread(proxy.__exit__, None, None, None)


async def test_internal_paths_are_not_exposed(tmp_path: Path) -> None:
    well = Stub(answers=True)
    async with listening(well) as port:
        reply = await requested(tmp_path, (port, port), "GET", "/metrics")
    assert (well.seen, reply.status_code) == (0, 404)


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/v1/download-urls", 65_536, 200),
        ("/v1/download-urls", 65_537, 413),
        ("/v1/diagnoses", 65_537, 413),
        ("/v1/multipart-uploads", 65_537, 413),
        ("/v1/upload-urls/batch", 4_194_304, 200),
        ("/v1/upload-urls/batch", 4_194_305, 413),
        ("/v1/multipart-uploads/an-id/complete", 4_194_304, 200),
        ("/v1/multipart-uploads/an-id/complete", 4_194_305, 413),
    ],
)
async def test_only_batches_and_completions_may_have_long_bodies(
    tmp_path: Path, path: str, size: int, status: int
) -> None:
    well = Stub(answers=True)
    async with (
        listening(well) as port,
        through_nginx(tmp_path, (port, port)) as client,
    ):
        reply = await client.post(path, content=b"x" * size)
    assert reply.status_code == status


@pytest.mark.parametrize(
    ("path", "most"), [("/v1/download-urls", 256), ("/v1/upload-urls/batch", 32)]
)
async def test_connections_per_address_are_limited(tmp_path: Path, path: str, most: int) -> None:
    well = Stub(answers=True)
    head = f"POST {path} HTTP/1.1\r\nHost: presign\r\nContent-Length: 2\r\n\r\n".encode()
    async with (
        listening(well) as port,
        through_nginx(tmp_path, (port, port)) as client,
        AsyncExitStack() as stack,
    ):
        connections = []  # keep references, or asyncio would drop them
        for _ in range(most):
            connection = await asyncio.open_connection(client.base_url.host, client.base_url.port)
            connections.append(connection)
            stack.callback(connection[1].transport.abort)
            connection[1].write(head)
        await asyncio.sleep(0.5)  # until nginx has read the heads
        assert (await client.post(path, content=b"{}")).status_code == 503
