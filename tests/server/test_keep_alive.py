"""How long an idle connection is kept open."""

import time
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.socket_server import HELD, LIVEZ, RunningServer, run_server, wait_until

KEEP_ALIVE: Final = 2  # seconds, for a busy machine


@pytest.fixture(name="server")
def _server() -> Iterator[RunningServer]:
    with run_server() as server:
        server.uvicorn.config.timeout_keep_alive = KEEP_ALIVE
        yield server


def test_an_idle_connection_is_closed(server: RunningServer) -> None:
    with server.connect() as client:
        start = time.monotonic()
        assert client.request(LIVEZ).status == 200
        assert client.ends()
        assert time.monotonic() - start > KEEP_ALIVE * 0.9


def test_a_connection_in_use_stays_open(server: RunningServer) -> None:
    with server.connect() as client:
        for _ in range(5):
            assert client.request(LIVEZ).status == 200
            time.sleep(KEEP_ALIVE * 0.3)


def test_a_request_may_outlast_the_keep_alive_time(server: RunningServer) -> None:
    with server.connect() as client:
        assert client.request(LIVEZ).status == 200
        client.send(HELD)
        wait_until(lambda: server.tasks)
        time.sleep(KEEP_ALIVE * 1.5)
        server.hold.set()
        assert client.answer().body == b'"released"'


def test_a_head_that_arrives_as_the_time_ends_is_read(server: RunningServer) -> None:
    server.uvicorn.config.timeout_keep_alive = 3
    with server.connect() as client:
        assert client.request(LIVEZ).status == 200
        time.sleep(0.8)
        client.send(LIVEZ[:10])
        time.sleep(2.3)  # since the response, more than the keep-alive time
        assert client.request(LIVEZ[10:]).status == 200
