"""What a client sends costs the process little memory, and other callers no time."""

import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from service.server.limits import ConnectionLimits
from tests.server.process import BODY, ServiceProcess, run_server_process
from tests.support.late import again_if_late, within
from tests.support.socket_server import LIVEZ, RawClient, make_post

MIB = 1024 * 1024
GROWTH = 30 * MIB
PIECE = b"x" * MIB
PIECES = 100
IDLE = 2000
LINGER = ConnectionLimits().linger_seconds  # to send all of an unwanted body
PROMPT = 2.0  # seconds, for a busy machine
TRIES = 5


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with run_server_process(tmp_path_factory.mktemp("server"), drain_seconds=0) as running:
        with running.http_client() as http:
            for _ in range(50):
                assert http.post("/v1/download-urls", json=BODY).is_success
        yield running


@contextmanager
def memory_bounded(running: ServiceProcess) -> Iterator[None]:
    """Memory grows by less than `GROWTH`. `pytest -rP` shows the figure."""
    running.reset_peak()
    before = running.resident_bytes()
    yield
    grown = running.peak_bytes() - before
    print(f"grew by {grown / MIB:.1f} MiB")  # noqa: T201
    assert grown < GROWTH


def is_prompt(running: ServiceProcess) -> bool:
    return any(response_seconds(running) < PROMPT for _ in range(TRIES))


def response_seconds(running: ServiceProcess) -> float:
    with running.http_client() as http:
        start = time.monotonic()
        assert http.post("/v1/download-urls", json=BODY).is_success
        return time.monotonic() - start


@again_if_late
def test_a_large_body_with_a_length_is_refused(running: ServiceProcess) -> None:
    with memory_bounded(running):
        with running.http_client() as http:
            answer = http.post("/v1/download-urls", content=PIECE * PIECES)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        for header in ("connection: close", "expect: 100-continue", "x: y"):
            head = make_post("/v1/download-urls", b"", header)
            with running.connect() as client:
                with within(LINGER):
                    client.send(head.replace(b"length: 0", b"length: %d" % (PIECES * MIB)))
                    send_many(client, PIECE)
                assert client.answer().code == "body_too_large"
        assert is_prompt(running)


@again_if_late
def test_a_large_chunked_body_is_refused(running: ServiceProcess) -> None:
    with memory_bounded(running):
        with running.http_client() as http:
            answer = http.post("/v1/download-urls", content=iter([PIECE] * PIECES))
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        with running.connect() as client:
            head = make_post("/v1/download-urls").replace(
                b"content-length: 0", b"transfer-encoding: chunked"
            )
            with within(LINGER):
                client.send(head)
                send_many(client, b"%x\r\n%s\r\n" % (MIB, PIECE))
            assert client.answer().code == "body_too_large"
        assert is_prompt(running)


def send_many(client: RawClient, piece: bytes) -> None:
    for _ in range(PIECES):
        client.send(piece)


@pytest.mark.parametrize("start", [b"", b"0\r\nx: "], ids=["header", "trailer"])
@again_if_late
def test_a_large_header_or_trailer_is_refused(running: ServiceProcess, start: bytes) -> None:
    head = b"GET /livez HTTP/1.1\r\nx: "
    if start:
        head = b"POST /v1/unknown HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + start
    with memory_bounded(running), running.connect() as client:
        with within(LINGER):
            client.send(head)
            send_many(client, PIECE)
        assert client.answer().status == (404 if start else 431)
        assert is_prompt(running)


def test_thousands_of_pipelined_requests_take_little_memory(running: ServiceProcess) -> None:
    with memory_bounded(running), ExitStack() as stack:
        clients = [stack.enter_context(running.connect()) for _ in range(10)]
        for client in clients:
            client.send(b"GET /livez HTTP/1.1\r\n\r\n" * 10_000)
        for client in clients:
            assert client.answer().status == 200
        assert is_prompt(running)


def test_thousands_of_idle_connections_disturb_nobody(running: ServiceProcess) -> None:
    with memory_bounded(running), descriptors(IDLE + 200), ExitStack() as stack:
        clients = [stack.enter_context(running.connect()) for _ in range(IDLE)]
        for client in clients[::2]:
            client.send(LIVEZ)
        for client in clients[1::2]:
            client.send(LIVEZ[:20])
        for client in clients[::2]:
            assert client.answer().status == 200
        assert is_prompt(running)
        assert all(client.is_silent() for client in clients)


@contextmanager
def descriptors(count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"the machine allows {hard} open files, and {count} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
