"""SIGTERM: the process reports not ready, loses no request, and exits with 0."""

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from service.server.limits import ConnectionLimits
from service.server.run import FINISH_SECONDS
from tests.server.process import BODY, ServiceProcess, run_server_process
from tests.support.socket_server import (
    HELD,
    LIVEZ,
    NEVER,
    PATIENCE,
    RawClient,
    RunningServer,
    make_post,
    run_server,
    wait_until,
)

CLIENTS = 6
DRAIN = 2.0  # seconds, in which each client sends at least one request
READYZ = LIVEZ.replace(b"livez", b"readyz")
SIGN = make_post("/v1/download-urls", json.dumps(BODY).encode())


@dataclass
class LoadClient:
    """Sends requests until it can no longer connect.

    On a busy machine this thread may stop for seconds, also between sending and noting the time. A
    request that it sends after the server may close an idle connection is not lost, and is sent
    again.
    """

    running: ServiceProcess
    answers: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    close_headers: int = 0
    _begun_at: float = 0.0  # before the latest request was sent
    _sent_at: float = 0.0  # after that

    def run(self) -> None:
        with self.running.http_client() as http:
            while True:
                before = self._begun_at or time.monotonic()
                try:
                    answer = http.post(
                        "/v1/download-urls", json=BODY, extensions={"trace": self._note}
                    )
                except httpx.ConnectError:
                    return
                except httpx.TransportError as error:
                    if self._sent_at - before > ConnectionLimits().shutdown_idle_seconds:
                        continue
                    self.errors.append(repr(error))
                    return
                self.answers.append(answer.status_code)
                self.close_headers += answer.headers.get("connection") == "close"

    def _note(self, event: str, _: object) -> None:
        if event == "http11.send_request_headers.started":
            self._begun_at = time.monotonic()
        elif event.startswith("http11.send_request_headers."):
            self._sent_at = time.monotonic()


def test_no_request_is_lost_under_load(tmp_path: Path) -> None:
    with run_server_process(tmp_path, drain_seconds=DRAIN) as running:
        clients = [LoadClient(running) for _ in range(CLIENTS)]
        threads = [threading.Thread(target=each.run) for each in clients]
        for thread in threads:
            thread.start()
        wait_until(lambda: all(len(each.answers) > 20 for each in clients))
        start = time.monotonic()
        running.signal(signal.SIGTERM)
        assert running.process.wait(DRAIN + FINISH_SECONDS) == 0
        assert time.monotonic() - start > DRAIN
        for thread in threads:
            thread.join(PATIENCE)
    assert [each.errors for each in clients] == [[]] * CLIENTS
    assert {status for each in clients for status in each.answers} == {200}
    assert all(each.close_headers for each in clients)


@pytest.fixture(name="draining")
def _draining(tmp_path: Path) -> Iterator[ServiceProcess]:
    with run_server_process(tmp_path, drain_seconds=NEVER) as running:
        yield running


def drain(running: ServiceProcess, client: RawClient) -> None:
    running.signal(signal.SIGTERM)
    wait_until(lambda: readiness(running) == 503)
    assert client.request(LIVEZ).headers["connection"] == "close"
    assert client.ends()


def readiness(running: ServiceProcess) -> int:
    with running.connect() as client:
        client.send(READYZ)
        return client.answer().status


def test_requests_are_answered_while_draining_and_not_ready(draining: ServiceProcess) -> None:
    """A second signal ends the draining; open requests are still answered."""
    with draining.connect() as idle, draining.connect() as slow, draining.connect() as begun:
        slow.send(SIGN[:-5])
        assert idle.request(READYZ).status == 200  # the other head was read, too
        drain(draining, idle)
        with draining.connect() as late:
            answer = late.request(SIGN)
            assert (answer.status, answer.headers["connection"]) == (200, "close")
        begun.send(SIGN[:30])
        draining.signal(signal.SIGTERM)
        wait_until(lambda: is_refused(draining))
        time.sleep(0.7)  # longer than idle connections are kept
        slow.send(SIGN[-5:])
        begun.send(SIGN[30:])
        assert [client.answer().status for client in (slow, begun)] == [200, 200]
        assert [client.ends() for client in (slow, begun)] == [True, True]
        assert draining.process.wait(PATIENCE) == 0


def is_refused(running: ServiceProcess) -> bool:
    try:
        with socket.create_connection(running.address):
            return False
    except ConnectionResetError:  # the listener is closing
        return False
    except ConnectionRefusedError:
        return True


def test_idle_connections_do_not_delay_the_exit(tmp_path: Path) -> None:
    with (
        run_server_process(tmp_path, drain_seconds=0) as running,
        running.connect() as silent,
        running.connect() as idle,
    ):
        assert idle.request(LIVEZ).status == 200
        running.signal(signal.SIGTERM)
        assert running.process.wait(PATIENCE) == 0
        assert silent.ends()
        assert idle.ends()


def test_open_requests_survive_a_lack_of_file_descriptors(tmp_path: Path) -> None:
    with run_server_process(tmp_path, drain_seconds=0) as running, running.connect() as begun:
        begun.send(SIGN[:-5])
        assert readiness(running) == 200  # the request above was read
        running.forbid_more_descriptors()
        running.signal(signal.SIGTERM)
        wait_until(lambda: is_refused(running))
        assert begun.request(SIGN[-5:]).status == 200


def test_an_interrupt_skips_draining(draining: ServiceProcess) -> None:
    with draining.connect() as begun:
        begun.send(SIGN[:30])
        assert readiness(draining) == 200  # the request above was read
        draining.signal(signal.SIGINT)
        wait_until(lambda: is_refused(draining))
        assert begun.request(SIGN[30:]).headers["connection"] == "close"
        assert begun.ends()
    draining.process.wait(PATIENCE)


def test_a_request_that_outlasts_the_stop_is_refused() -> None:
    """The one behind it does not begin."""
    with run_server() as server, server.connect() as client:
        server.uvicorn.config.timeout_graceful_shutdown = 1
        client.send(HELD.replace(b"host: a", b"host: a\r\nx-request-id: my-own") * 2)
        wait_until(lambda: server.tasks == 1)
        server.uvicorn.should_exit = True
        answer = client.answer()
        assert (answer.status, answer.code) == (503, "overloaded")
        assert answer.headers["x-request-id"] == "my-own"
        assert client.ends()
        wait_until(lambda: server.tasks == 0)
        assert server.counted == {"503": 1}


def test_responses_close_the_connection_while_draining() -> None:
    with run_server() as server, server.connect() as client:
        client.send(LIVEZ)
        assert "connection" not in client.answer().headers
        server.drain.begin(time.monotonic())
        answer = client.request(READYZ)
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        assert client.ends()


@pytest.mark.parametrize("connects_late", [False, True])
def test_a_request_sent_as_the_server_stops_is_answered(connects_late: bool) -> None:
    """The event loop is busy when it arrives, and stops listening next."""
    with run_server(shutdown_idle_seconds=2.0) as server, ExitStack() as stack:
        accepted, idle = (stack.enter_context(server.connect()) for _ in range(2))
        assert idle.request(LIVEZ).status == 200
        wait_until(lambda: len(server.protocols) == 2)
        is_sent = block_last_tick(server)
        clients = [accepted, idle]
        if connects_late:  # not accepted yet
            clients = [stack.enter_context(server.connect())]
        for client in clients:
            client.send(SIGN)
        is_sent.set()
        for client in clients:
            answer = client.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")


def block_last_tick(server: RunningServer) -> threading.Event:
    """Block the event loop just before the server stops. The event unblocks it."""
    is_there, is_over = threading.Event(), threading.Event()

    async def be_busy() -> None:
        is_there.set()
        is_over.wait(PATIENCE)  # blocks the loop
        server.drain.begin(time.monotonic())
        server.uvicorn.should_exit = True

    server.uvicorn.config.callback_notify = be_busy
    assert is_there.wait(PATIENCE)
    return is_over
