"""A client that goes away while its request waits: the request goes on."""

import asyncio
import gc
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from weakref import ref

import pytest

from service.api.shutdown import Drain
from service.app.environment import Environment
from service.app.factory import create_app
from service.concurrency.event_loop import without_garbage_collection
from service.sessions.session import Session
from service.sessions.source import Owner
from tests.support.app import (
    ADDRESS,
    API_KEY,
    FixedSource,
    make_app_settings,
    make_fixed_sources,
    make_open_grant,
)
from tests.support.late import Late, again_if_late
from tests.support.socket_server import (
    HELD,
    LIVEZ,
    PATIENCE,
    RunningServer,
    make_post,
    run_app_on_socket,
    run_server,
    wait_until,
)

LONG: Final = b"GET /sized/9000000 HTTP/1.1\r\nhost: a\r\n\r\n"  # more than the kernel buffers
REQUEST: Final = make_post("/v1/download-urls", b'{"bucket": "demo", "key": "a"}')
REQUESTS: Final = 50
REFUSED: Final = {
    "a stranger": REQUEST.replace(API_KEY.encode(), b"a" * 43),
    "no token": REQUEST.replace(b"authorization", b"x-authorization"),
    "a forbidden bucket": make_post("/v1/download-urls", b'{"bucket": "b", "key": "a"}'),
    "a wrong value": make_post("/v1/download-urls", b'{"bucket": 1, "key": "a"}'),
    "no such path": LIVEZ.replace(b"livez", b"livex"),
}


@contextmanager
def garbage_counted() -> Iterator[list[int]]:
    """Yield a list that has, at the end, how many objects only the garbage collector frees."""
    found: list[int] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        found.append(gc.collect())
    finally:
        gc.enable()


def test_a_client_that_goes_away_leaves_its_audit_line() -> None:
    """Its request runs to its end, as the server cancels none."""
    asked, sts_answers = threading.Event(), threading.Event()

    class Held(FixedSource):
        async def fetch(self, owner: Owner, policy: str | None, *, vended: bool = False) -> Session:
            if policy is not None and owner is not None:
                asked.set()
                await asyncio.to_thread(sts_answers.wait, PATIENCE)
            return await super().fetch(owner, policy, vended=vended)

    lines: list[bytes] = []
    settings, drain = make_app_settings(make_open_grant()), Drain()
    app = create_app(
        settings,
        dict.fromkeys(settings.buckets, ADDRESS),
        Environment(
            drain=drain,
            write_audit=lines.extend,
            open_sources=make_fixed_sources(source=Held),
        ),
    )
    with run_app_on_socket(app, drain) as server:
        with server.connect() as client:
            client.send(REQUEST)
            assert asked.wait(PATIENCE)
        wait_until(lambda: not server.protocols)
        assert (server.tasks, lines) == (1, [])
        sts_answers.set()
        wait_until(lambda: server.tasks == 0)
    [line] = map(json.loads, lines)
    assert (line["operation"], line["keys"]) == ("download", ["a"])


@pytest.mark.parametrize(
    "request_for",
    [
        HELD,
        HELD.replace(b"GET", b"HEAD"),
        HELD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HELD.replace(b"host: a", b"host: a\r\nconnection: close"),
    ],
    ids=["get", "head", "1.0", "close"],
)
def test_a_client_that_goes_away_counts_as_not_answered(request_for: bytes) -> None:
    with run_server() as server:
        with server.connect() as client:
            client.send(request_for)
            wait_until(lambda: server.tasks == 1)
        wait_until(lambda: not server.protocols)
        server.hold.set()
        wait_until(lambda: server.tasks == 0)
        assert server.counted == {"499": 1}


@again_if_late
def test_an_answer_behind_one_that_is_not_read_is_not_received() -> None:
    """The client has ended its side, so the server closes once the first answer is sent."""
    with run_server() as server, server.connect(receive_buffer=4096) as client:
        client.send(LONG + HELD)
        wait_until(lambda: server.tasks == 1 and server.counted == {"200": 1})
        [protocol] = server.protocols
        wait_until(lambda: protocol.flow.write_paused)
        while protocol.flow.write_paused:
            try:
                client.socket.recv(4096)
            except TimeoutError:  # the kernel opens so small a window late, now and then
                raise Late("nothing came") from None
        client.socket.shutdown(socket.SHUT_WR)
        wait_until(protocol._connection.is_closing)
        server.hold.set()
        wait_until(lambda: server.counted == {"200": 1, "499": 1})


def test_an_answer_that_a_stop_cuts_off_is_not_received() -> None:
    with run_server() as server, server.connect(receive_buffer=4096) as client:
        client.send(LONG + HELD)
        wait_until(lambda: server.tasks == 1 and server.counted == {"200": 1})
        server.uvicorn.config.timeout_graceful_shutdown = 1
        server.uvicorn.should_exit = True
        wait_until(lambda: server.counted == {"200": 1, "499": 1})


def test_a_client_that_goes_away_is_written_nothing_while_requests_wait(
    server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Uvicorn tells only the last request that its client is gone."""
    with server.connect() as client:
        client.send(LIVEZ + HELD.replace(b"GET", b"HEAD") + LIVEZ)
        assert client.answer().status == 200
        wait_until(lambda: server.tasks == 1)
    wait_until(lambda: not server.protocols)
    server.hold.set()
    wait_until(lambda: server.tasks == 0)
    assert not caplog.records


def test_a_connection_from_before_a_reload_is_freed_at_its_end() -> None:
    with run_server() as server:
        with server.connect() as client:
            assert client.request(REQUEST).status == 200
            [connection] = map(ref, server.protocols)
            with without_garbage_collection():  # as a reload
                pass
        wait_until(lambda: connection() is None)


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_a_refusal_leaves_nothing_to_collect(refused: bytes) -> None:
    """A reload keeps in memory what waits for the garbage collector then."""
    with run_server() as server, server.connect() as client:
        client.request(refused)
        with garbage_counted() as found:
            for _ in range(REQUESTS):
                assert client.request(refused).status >= 400
        assert found[0] < REQUESTS
