"""What a client sends costs the process next to nothing, and others no time."""

import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from service.server.limits import ConnectionLimits
from tests.server.house import LIVEZ, CoalescingTransport, post
from tests.server.process import ASK, Services, serving_process
from tests.support.late import again_if_late, within

MIB = 1024 * 1024
GROWTH = 30 * MIB
PIECE = b"x" * MIB
BODY = 100  # pieces
IDLE = 2000
LINGER = ConnectionLimits().linger_seconds  # a client that takes longer to send all is cut
PROMPT = 2.0  # seconds; what is meant is milliseconds
TRIES = 5  # of which one is prompt, unless it is the service that is busy


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with serving_process(tmp_path_factory.mktemp("server"), drain_seconds=0) as running:
        with running.client() as client:
            for _ in range(50):
                assert client.post("/v1/download-urls", json=ASK).is_success
        yield running


@contextmanager
def flat(running: Services) -> Iterator[None]:
    """The peak of its memory stays near what it had; the figure is shown by `pytest -rP`."""
    running.forget_peak()
    before = running.resident_bytes()
    yield
    grown = running.peak_bytes() - before
    print(f"grew by {grown / MIB:.1f} MiB")  # noqa: T201 - the figure, for who asks by -s
    assert grown < GROWTH


def is_prompt(running: Services) -> bool:
    return any(seconds_of_an_answer(running) < PROMPT for _ in range(TRIES))


def seconds_of_an_answer(running: Services) -> float:
    with running.client() as client:
        start = time.monotonic()
        assert client.post("/v1/download-urls", json=ASK).is_success
        return time.monotonic() - start


@again_if_late
def test_a_hundred_mebibytes_with_their_length_are_refused(running: Services) -> None:
    with flat(running):
        with running.client() as client:
            answer = client.post("/v1/download-urls", content=PIECE * BODY)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        for header in ("connection: close", "expect: 100-continue", "x: y"):
            head = post("/v1/download-urls", b"", header)
            with running.connect() as wire:
                with within(LINGER):
                    wire.send(head.replace(b"length: 0", b"length: %d" % (BODY * MIB)))
                    sent(wire, PIECE)
                assert wire.answer().code == "body_too_large"
        assert is_prompt(running)


@again_if_late
def test_a_hundred_mebibytes_in_chunks_are_refused(running: Services) -> None:
    with flat(running):
        with running.client() as client:
            answer = client.post("/v1/download-urls", content=iter([PIECE] * BODY))
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        with running.connect() as wire:
            head = post("/v1/download-urls").replace(
                b"content-length: 0", b"transfer-encoding: chunked"
            )
            with within(LINGER):
                wire.send(head)
                sent(wire, b"%x\r\n%s\r\n" % (MIB, PIECE))
            assert wire.answer().code == "body_too_large"
        assert is_prompt(running)


def sent(wire: CoalescingTransport, piece: bytes) -> None:
    for _ in range(BODY):
        wire.send(piece)


@pytest.mark.parametrize("start", [b"", b"0\r\nx: "], ids=["header", "trailer"])
@again_if_late
def test_a_header_of_a_hundred_mebibytes_is_refused(running: Services, start: bytes) -> None:
    head = b"GET /livez HTTP/1.1\r\nx: "
    if start:
        head = b"POST /v1/unknown HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + start
    with flat(running), running.connect() as wire:
        with within(LINGER):
            wire.send(head)
            sent(wire, PIECE)
        assert wire.answer().status == (404 if start else 431)
        assert is_prompt(running)


def test_ten_thousand_requests_in_one_piece_are_not_all_taken_in(running: Services) -> None:
    with flat(running), ExitStack() as stack:
        wires = [stack.enter_context(running.connect()) for _ in range(10)]
        for wire in wires:
            wire.send(b"GET /livez HTTP/1.1\r\n\r\n" * 10_000)
        for wire in wires:
            assert wire.answer().status == 200
        assert is_prompt(running)


def test_two_thousand_idle_connections_are_nobodys_trouble(running: Services) -> None:
    with flat(running), descriptors(IDLE + 200), ExitStack() as stack:
        wires = [stack.enter_context(running.connect()) for _ in range(IDLE)]
        for wire in wires[::2]:
            wire.send(LIVEZ)
        for wire in wires[1::2]:
            wire.send(LIVEZ[:20])
        for wire in wires[::2]:
            assert wire.answer().status == 200
        assert is_prompt(running)
        assert all(wire.is_open() for wire in wires)


@contextmanager
def descriptors(count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"the machine allows {hard} open files, and {count} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
