"""Two replicas behind nginx, under load, while one of them goes away."""

import asyncio
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
from tests.end_to_end.nginx import proxying
from tests.end_to_end.replicas import READ, Replica, Tally, two_replicas, under_load
from tests.support.processes import free_ports
from tests.support.service import SignedRequest, send
from tests.support.signed_urls import access_key_id_of
from tests.support.stores import Store
from tests.support.stub_server import StubServer, response, sends, serving
from tests.support.waiting import PATIENCE

BODY: Final = b"bytes"
SAMPLE: Final = 6  # URLs of each session, which are of one kind, that are sent to the store


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
    ministack.put(READ, BODY)
    with (
        two_replicas(ministack, tmp_path) as (one, two),
        proxying(binary, tmp_path, (at(one.port), at(two.port))) as url,
    ):
        yield ReplicaSetup(one, two, url, tmp_path)


@pytest.mark.slow
def test_a_killed_replica_loses_no_request_and_no_url(setup: ReplicaSetup) -> None:
    with under_load(setup.url) as tally:
        wait_for(tally, answers=200, sessions=4)  # each replica has its own two
        setup.one.signal(signal.SIGSTOP)  # so that it holds requests without answering
        time.sleep(1)
        setup.one.signal(signal.SIGKILL)
        setup.one.ended()
        # nginx tries it again after a while, and nothing listens there.
        wait_until(lambda: "Connection refused" in setup.proxy_said() or tally.failures)
        wait_for(tally, answers=tally.answers + 100)
    assert tally.failures == []
    assert "while reading response header from upstream" in setup.proxy_said()
    assert len({access_key_id_of(signed.url) for _, signed in tally.given[-100:]}) == 2
    assert len(tally.sessions) == 4
    assert_all_work(tally)


@pytest.mark.slow
def test_a_rolling_restart_loses_no_request_and_no_url(setup: ReplicaSetup) -> None:
    with under_load(setup.url) as tally:
        wait_for(tally, answers=100, sessions=4)
        for each in (setup.one, setup.two):  # the second as soon as the first is ready
            each.signal(signal.SIGTERM)
            assert each.ended() == 0
            each.start()
        wait_for(tally, sessions=8)  # both serve again, with new sessions
    assert tally.failures == []
    assert len(tally.sessions) == 8
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
    """Send some URLs of each session, from the first to the last."""
    for given in tally.by_session().values():
        for kind, each in given[:: max(1, len(given) // SAMPLE)]:
            assert_works(kind, each)


def assert_works(kind: str, signed: SignedRequest) -> None:
    reply = send(signed, BODY if kind == "upload" else None)
    assert reply.status_code == 200, reply.text
    if kind == "download":
        assert reply.content == BODY


# How nginx handles a replica that takes a request and dies


WELL: Final = sends(response(b"{}", "Connection: close"))
DYING: Final = sends(b"")


def port_of(stub: StubServer) -> int:
    return int(stub.origin.rpartition(":")[2])


def at(port: int) -> str:
    return f"127.0.0.1:{port}"


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
    async with serving(DYING) as dying, serving(WELL) as well:
        reply = await requested(tmp_path, (port_of(dying), port_of(well)), method, path)
    assert len(dying.requests) == 1
    assert len(well.requests) == (1 if is_repeated else 0)
    assert reply.status_code == (200 if is_repeated else 502)


async def test_requests_that_no_replica_took_are_retried(tmp_path: Path) -> None:
    (nobody,) = free_ports(1)
    async with serving(WELL) as well:
        ports = (nobody, port_of(well))
        reply = await requested(tmp_path, ports, "POST", "/v1/multipart-uploads")
    assert (len(well.requests), reply.status_code) == (1, 200)


async def test_sticky_routing_gives_each_caller_one_replica(tmp_path: Path) -> None:
    async with (
        serving(WELL) as one,
        serving(WELL) as two,
        through_nginx(tmp_path, (port_of(one), port_of(two)), sticky=True) as client,
    ):
        seen = set()
        for caller in range(20):
            before = (len(one.requests), len(two.requests))
            headers = {"Authorization": f"Bearer {caller}"}
            for _ in range(3):
                await client.post("/v1/download-urls", content=b"{}", headers=headers)
            seen.add((len(one.requests) - before[0], len(two.requests) - before[1]))
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
    one, two = map(at, ports)
    proxy = proxying(nginx(), directory, (one, two), sticky=sticky)
    url = await asyncio.to_thread(proxy.__enter__)
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as client:
            yield client
    finally:
        await asyncio.to_thread(proxy.__exit__, None, None, None)


async def test_internal_paths_are_not_exposed(tmp_path: Path) -> None:
    async with serving(WELL) as well:
        reply = await requested(tmp_path, (port_of(well),) * 2, "GET", "/metrics")
    assert (well.requests, reply.status_code) == ([], 404)


async def test_the_proxy_appends_the_address_that_it_sees(tmp_path: Path) -> None:
    claimed = {"Forwarded": "for=192.0.2.66", "X-Forwarded-For": "192.0.2.66"}
    async with (
        serving(WELL) as well,
        through_nginx(tmp_path, (port_of(well),) * 2) as client,
    ):
        await client.get("/v1/caller", headers=claimed)
    [request] = well.requests
    assert "x-forwarded-for: 192.0.2.66, 127.0.0.1\r\n" in request.lower()
    assert "\r\nforwarded:" not in request.lower()


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
    async with (
        serving(WELL) as well,
        through_nginx(tmp_path, (port_of(well),) * 2) as client,
    ):
        reply = await client.post(path, content=b"x" * size)
    assert reply.status_code == status


@pytest.mark.parametrize(
    ("path", "most"), [("/v1/download-urls", 256), ("/v1/upload-urls/batch", 32)]
)
async def test_connections_per_address_are_limited(tmp_path: Path, path: str, most: int) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: presign\r\nContent-Length: 2\r\n\r\n".encode()
    async with (
        serving(WELL) as well,
        through_nginx(tmp_path, (port_of(well),) * 2) as client,
        AsyncExitStack() as stack,
    ):
        connections = []  # keep references, or asyncio would drop them
        for _ in range(most):
            connection = await asyncio.open_connection(client.base_url.host, client.base_url.port)
            connections.append(connection)
            stack.callback(connection[1].transport.abort)
            connection[1].write(head)
        async with asyncio.timeout(PATIENCE):
            # Until nginx has read all the heads.
            while (await client.post(path, content=b"{}")).status_code != 503:  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.05)
