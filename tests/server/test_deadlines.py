"""Slow clients are disconnected. The service itself may be slow."""

import socket
import struct
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.late import again_if_late, within
from tests.support.socket_server import (
    HELD,
    LIVEZ,
    PATIENCE,
    RawClient,
    make_post,
    run_server,
    wait_until,
)

SECONDS = 0.5  # the deadline under test
PAUSE = 0.08  # between bytes of a slow client
SHORT = 1.5  # a deadline that the test must meet, even on a busy machine
LATE = 20.0  # for a busy machine; if each byte extended the deadline, it would take longer
MANY = 300  # bytes
LONG = b"GET /sized/20000000 HTTP/1.1\r\nhost: a\r\n\r\n"  # more than the kernel buffers
SLOW_HEAD = b"GET /livez HTTP/1.1\r\nhost: " + b"a" * MANY
assert MANY * PAUSE > LATE


def ended_after(client: RawClient, since: float) -> float:
    assert client.ends()
    return time.monotonic() - since


@pytest.mark.parametrize("before", [b"", LIVEZ], ids=["first", "second"])
@again_if_late
def test_a_slow_head_times_out(before: bytes) -> None:
    with run_server(head_seconds=SECONDS) as server:
        start = time.monotonic()
        with server.connect() as client:
            if before:
                with within(SECONDS):
                    assert client.request(before).status == 200
            client.send_slowly(SLOW_HEAD, PAUSE)
            answer = client.answer()
            assert (answer.status, answer.code) == (408, "request_timeout")
            assert answer.headers["connection"] == "close"
            assert SECONDS * 0.9 <= ended_after(client, start) < LATE


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_connection_without_a_request_is_closed_silently(sent: bytes) -> None:
    with run_server(head_seconds=SECONDS) as server:
        start = time.monotonic()
        with server.connect() as client:
            client.send(sent)
            assert SECONDS * 0.9 <= ended_after(client, start) < LATE


@again_if_late
def test_empty_lines_do_not_keep_a_connection_open() -> None:
    with run_server(head_seconds=SECONDS) as server, server.connect() as client:
        start = time.monotonic()
        with within(SECONDS):
            assert client.request(LIVEZ).status == 200
        client.send_slowly(b"\r\n" * MANY, PAUSE)
        assert SECONDS * 0.9 <= ended_after(client, start) < LATE


def test_empty_lines_do_not_lose_a_pending_response() -> None:
    with run_server(head_seconds=SHORT) as server, server.connect() as client:
        client.send(HELD)
        wait_until(lambda: server.tasks)
        client.send(b"\r\n")
        time.sleep(SHORT * 1.5)
        server.hold.set()
        assert client.answer().body == b'"released"'
        assert client.request(LIVEZ).status == 200


def test_a_broken_connection_leaves_no_timer() -> None:
    with run_server() as server:
        with server.connect() as client:
            assert client.request(LIVEZ).status == 200
            (protocol,) = server.protocols
            assert protocol.timeout_keep_alive_task is not None
            no_linger = struct.pack("ii", 1, 0)  # so that closing resets the connection
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        wait_until(lambda: not server.protocols)
        assert protocol.timeout_keep_alive_task is None


def test_bytes_that_arrived_in_time_are_read_before_the_deadline() -> None:
    """A blocked event loop runs due timers before it reads on."""
    with run_server(head_seconds=SHORT) as server, server.connect() as client, ExitStack() as ends:
        ours, theirs = (ends.enter_context(end) for end in socket.socketpair())
        wait_until(lambda: server.protocols)
        (protocol,) = server.protocols
        is_blocked, is_sent = threading.Event(), threading.Event()

        def block() -> None:
            protocol.loop.remove_reader(theirs)
            is_blocked.set()
            is_sent.wait(PATIENCE)
            time.sleep(SHORT)  # the deadline passes

        protocol.loop.call_soon_threadsafe(protocol.loop.add_reader, theirs, block)
        ours.send(b"x")
        assert is_blocked.wait(PATIENCE)
        client.send(LIVEZ)
        is_sent.set()
        assert client.answer().status == 200


def test_an_idle_connection_outlasts_the_head_deadline() -> None:
    with run_server(head_seconds=SHORT) as server, server.connect() as client:
        assert client.request(LIVEZ).status == 200
        time.sleep(SHORT * 1.5)
        assert client.request(LIVEZ).status == 200


@pytest.mark.parametrize(
    ("path", "before"), [("/echo", LIVEZ), ("/v1/download-urls", b"")], ids=["second", "first"]
)
def test_a_slow_body_times_out(path: str, before: bytes) -> None:
    with run_server(body_seconds=SECONDS) as server, server.connect() as client:
        if before:
            assert client.request(before).status == 200
        start = time.monotonic()
        client.send(make_post(path, b"x" * 1000).removesuffix(b"x" * 1000))
        client.send_slowly(b"x" * MANY, PAUSE)
        answer = client.answer()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert SECONDS * 0.9 <= ended_after(client, start) < LATE


def test_a_body_that_times_out_is_counted_and_has_its_id() -> None:
    with run_server(body_seconds=SECONDS) as server, server.connect() as client:
        client.send(
            make_post("/v1/download-urls", b"{}", "x-request-id: my-own").removesuffix(b"}")
        )
        answer = client.answer()
        assert (answer.status, answer.headers["x-request-id"]) == (408, "my-own")
        wait_until(lambda: server.tasks == 0)
        assert server.counted == {"408": 1}


@pytest.mark.parametrize("path", ["/v1/download-urls", "/v1/unknown"])
def test_a_malformed_body_is_counted_and_has_its_id(path: str) -> None:
    """It comes in one packet with its head, so the app has not begun with the request."""
    with run_server() as server, server.connect() as client:
        head = make_post(path, b"", "x-request-id: my-own", "transfer-encoding: chunked")
        answer = client.request(head.replace(b"content-length: 0\r\n", b"") + b"zz\r\n")
        assert (answer.status, answer.headers["x-request-id"]) == (400, "my-own")
        wait_until(lambda: server.tasks == 0)
        assert server.counted == {"400": 1}


def test_a_request_with_a_malformed_body_does_not_begin() -> None:
    with run_server() as server, server.connect() as client:
        head = HELD.replace(b"host: a", b"host: a\r\ntransfer-encoding: chunked")
        assert client.request(head + b"zz\r\n").status == 400
        wait_until(lambda: server.tasks == 0)
        assert server.counted == {"400": 1}


def test_a_slow_chunked_body_times_out() -> None:
    with run_server(body_seconds=SECONDS) as server, server.connect() as client:
        start = time.monotonic()
        client.send(b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
        client.send_slowly(b"1\r\na\r\n" * MANY, PAUSE)
        assert client.answer().code == "request_timeout"
        assert SECONDS * 0.9 <= ended_after(client, start) < LATE


def test_head_and_body_have_separate_deadlines() -> None:
    request = make_post("/echo", b"0123456789")
    with run_server(head_seconds=3.0, body_seconds=3.0) as server, server.connect() as client:
        for piece in (request[:40], request[40:-5]):
            client.send(piece)
            time.sleep(1.6)
        assert client.request(request[-5:]).body == b'"0123456789"'


def test_a_slow_response_of_the_app_has_no_deadline() -> None:
    deadlines = ("head_seconds", "body_seconds", "write_seconds", "linger_seconds")
    limits: dict[str, Any] = dict.fromkeys(deadlines, SHORT)
    with run_server(**limits) as server, server.connect() as client:
        client.send(LIVEZ[:10])
        assert client.request(LIVEZ[10:]).status == 200
        client.send(HELD)
        time.sleep(SHORT * 1.5)
        assert client.is_silent()
        server.hold.set()
        assert client.answer().body == b'"released"'


def test_a_request_in_one_chunk_sets_no_timer() -> None:
    with run_server() as server, server.connect() as client:
        for _ in range(3):
            assert client.request(make_post("/timers", b"{}")).status == 200
        assert server.timers == [False] * 3
        (protocol,) = server.protocols
        assert protocol._deadline is None


def test_a_client_that_does_not_read_is_disconnected() -> None:
    with run_server(write_seconds=SECONDS) as server, server.connect() as client:
        client.send(LONG)
        wait_until(lambda: any(p.flow.write_paused for p in server.protocols))
        wait_until(lambda: not server.protocols, LATE)
        wait_until(lambda: not server.uvicorn.server_state.tasks, LATE)


def test_a_client_that_reads_late_stays_connected() -> None:
    with run_server(write_seconds=3.0) as server, server.connect() as client:
        client.send(LONG)
        wait_until(lambda: any(p.flow.write_paused for p in server.protocols))
        time.sleep(0.3)
        assert len(client.answer().body) == 20_000_002
        time.sleep(3.0)
        assert client.request(LIVEZ).status == 200


@pytest.mark.parametrize(
    "last", [b"", b"GET", b"!!", b"POST /echo HTTP/1.0\r\ncontent-length: 9\r\n\r\n"]
)
@again_if_late
def test_responses_that_are_never_read_end_the_connection(last: bytes) -> None:
    """Even if there is so little to send that writing never pauses."""
    with (
        run_server(
            head_seconds=SECONDS, body_seconds=SECONDS, linger_seconds=0.1, write_seconds=SECONDS
        ) as server,
        server.connect(receive_buffer=4096) as client,
    ):
        with within(SECONDS):  # the first head's deadline
            assert client.request(LIVEZ).status == 200
        while not any(p._connection.get_write_buffer_size() for p in server.protocols):
            before = server.uvicorn.server_state.total_requests
            client.send(b"GET /sized/30000 HTTP/1.1\r\nhost: a\r\n\r\n")
            wait_until(lambda count=before: server.uvicorn.server_state.total_requests > count)
        client.send(last)
        if not last:
            client.socket.shutdown(socket.SHUT_WR)
        wait_until(lambda: not server.protocols, LATE)
