"""A client that is slow is cut; we may be as slow as we like."""

import socket
import struct
import threading
import time
from contextlib import ExitStack

import pytest

from tests.server.house import LIVEZ, PATIENCE, CoalescingTransport, bounds, post, serving, until
from tests.support.late import again_if_late, within

SECONDS = 0.5  # of the deadline under test
DRIP = 0.08
SHORT = 1.5  # of a deadline that a test must not miss, though the machine is busy
LATE = 20.0  # on a busy machine; had each byte put the deadline off, it would be longer still
DRIPS = 300  # bytes, or more
LONG = b"GET /sized/20000000 HTTP/1.1\r\nhost: a\r\n\r\n"  # more than the kernel takes at once
SLOWLY = b"GET /livez HTTP/1.1\r\nhost: " + b"a" * DRIPS
assert DRIPS * DRIP > LATE


def cut(wire: CoalescingTransport, since: float) -> float:
    """How long it took until the connection ended, or, with something said before, as well."""
    assert wire.ends()
    return time.monotonic() - since


@pytest.mark.parametrize("before", [b"", LIVEZ], ids=["first", "second"])
@again_if_late
def test_a_slow_head_is_refused_at_its_deadline(before: bytes) -> None:
    with serving(bounds(head_seconds=SECONDS)) as house:
        start = time.monotonic()
        with house.connect() as wire:
            if before:
                with within(SECONDS):
                    wire.send(before)
                    assert wire.answer().status == 200
            wire.drip(SLOWLY, DRIP)
            answer = wire.answer()
            assert (answer.status, answer.code) == (408, "request_timeout")
            assert answer.headers["connection"] == "close"
            assert SECONDS * 0.9 <= cut(wire, start) < LATE


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_connection_that_asks_for_nothing_is_closed_without_a_word(sent: bytes) -> None:
    with serving(bounds(head_seconds=SECONDS)) as house:
        start = time.monotonic()
        with house.connect() as wire:
            wire.send(sent)
            assert SECONDS * 0.9 <= cut(wire, start) < LATE


@again_if_late
def test_empty_lines_do_not_keep_a_connection_for_ever() -> None:
    with serving(bounds(head_seconds=SECONDS)) as house, house.connect() as wire:
        start = time.monotonic()
        with within(SECONDS):
            wire.send(LIVEZ)
            assert wire.answer().status == 200
        wire.drip(b"\r\n" * DRIPS, DRIP)
        assert SECONDS * 0.9 <= cut(wire, start) < LATE


def test_empty_lines_do_not_cost_an_answer_that_is_under_way() -> None:
    with serving(bounds(head_seconds=SHORT)) as house, house.connect() as wire:
        wire.send(b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n")
        until(lambda: house.server.server_state.tasks)
        wire.send(b"\r\n")
        time.sleep(SHORT * 1.5)
        house.hold.set()
        assert wire.answer().body == b'"released"'
        wire.send(LIVEZ)
        assert wire.answer().status == 200


def test_a_connection_that_breaks_leaves_no_timer() -> None:
    with serving() as house:
        with house.connect() as wire:
            wire.send(LIVEZ)
            assert wire.answer().status == 200
            (protocol,) = house.protocols
            assert protocol.timeout_keep_alive_task is not None
            at_once = struct.pack("ii", 1, 0)
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)  # a reset
        until(lambda: not house.protocols)
        assert protocol.timeout_keep_alive_task is None


def test_what_came_in_time_is_read_though_the_deadline_is_seen_first() -> None:
    """The loop is held up while it reads, and runs the timers that are due before it reads on."""
    limits = bounds(head_seconds=SHORT)
    with serving(limits) as house, house.connect() as wire, ExitStack() as ends:
        ours, theirs = (ends.enter_context(end) for end in socket.socketpair())
        until(lambda: house.protocols)
        (protocol,) = house.protocols
        is_held_up, is_sent = threading.Event(), threading.Event()

        def hold_up() -> None:
            protocol.loop.remove_reader(theirs)
            is_held_up.set()
            is_sent.wait(PATIENCE)
            time.sleep(SHORT)  # so that the deadline is over

        protocol.loop.call_soon_threadsafe(protocol.loop.add_reader, theirs, hold_up)
        ours.send(b"x")
        assert is_held_up.wait(PATIENCE)
        wire.send(LIVEZ)
        is_sent.set()
        assert wire.answer().status == 200


def test_an_idle_connection_outlasts_the_deadline_of_a_head() -> None:
    with serving(bounds(head_seconds=SHORT)) as house, house.connect() as wire:
        wire.send(LIVEZ)
        assert wire.answer().status == 200
        time.sleep(SHORT * 1.5)
        wire.send(LIVEZ)
        assert wire.answer().status == 200


@pytest.mark.parametrize(
    ("path", "before"), [("/echo", LIVEZ), ("/v1/download-urls", b"")], ids=["second", "first"]
)
def test_a_slow_body_is_refused_at_its_deadline(path: str, before: bytes) -> None:
    with serving(bounds(body_seconds=SECONDS)) as house, house.connect() as wire:
        if before:
            wire.send(before)
            assert wire.answer().status == 200
        start = time.monotonic()
        wire.send(post(path, b"x" * 1000).removesuffix(b"x" * 1000))
        wire.drip(b"x" * DRIPS, DRIP)
        answer = wire.answer()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert SECONDS * 0.9 <= cut(wire, start) < LATE


def test_a_slow_chunked_body_is_refused_at_its_deadline() -> None:
    with serving(bounds(body_seconds=SECONDS)) as house, house.connect() as wire:
        start = time.monotonic()
        wire.send(b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
        wire.drip(b"1\r\na\r\n" * DRIPS, DRIP)
        assert wire.answer().code == "request_timeout"
        assert SECONDS * 0.9 <= cut(wire, start) < LATE


def test_a_head_and_a_body_have_a_deadline_each() -> None:
    request = post("/echo", b"0123456789")
    with serving(bounds(head_seconds=3.0, body_seconds=3.0)) as house, house.connect() as wire:
        for piece in (request[:40], request[40:-5]):
            wire.send(piece)
            time.sleep(1.6)
        wire.send(request[-5:])
        assert wire.answer().body == b'"0123456789"'


def test_a_slow_answer_of_ours_is_waited_for() -> None:
    short = ("head_seconds", "body_seconds", "write_seconds", "linger_seconds")
    limits = bounds(**dict.fromkeys(short, SHORT))
    with serving(limits) as house, house.connect() as wire:
        wire.send(LIVEZ[:10])
        wire.send(LIVEZ[10:])
        assert wire.answer().status == 200
        wire.send(b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n")
        time.sleep(SHORT * 1.5)
        assert wire.is_open()
        house.hold.set()
        assert wire.answer().body == b'"released"'


def test_a_request_in_one_piece_costs_no_timer() -> None:
    ask = post("/timers", b"{}")
    with serving() as house, house.connect() as wire:
        for _ in range(3):
            wire.send(ask)
            assert wire.answer().status == 200
        assert house.timers == [False] * 3
        (protocol,) = house.protocols
        assert protocol._deadline is None


def test_a_client_that_does_not_read_its_answer_is_cut() -> None:
    with serving(bounds(write_seconds=SECONDS)) as house, house.connect() as wire:
        wire.send(LONG)
        until(lambda: any(p.flow.write_paused for p in house.protocols))
        until(lambda: not house.protocols, LATE)
        until(lambda: not house.server.server_state.tasks, LATE)


def test_a_client_that_begins_late_to_read_its_answer_gets_it_all_and_stays() -> None:
    with serving(bounds(write_seconds=3.0)) as house, house.connect() as wire:
        wire.send(LONG)
        until(lambda: any(p.flow.write_paused for p in house.protocols))
        time.sleep(0.3)
        assert len(wire.answer().body) == 20_000_002
        time.sleep(3.0)
        wire.send(LIVEZ)
        assert wire.answer().status == 200


@pytest.mark.parametrize(
    "last", [b"", b"GET", b"!!", b"POST /echo HTTP/1.0\r\ncontent-length: 9\r\n\r\n"]
)
@again_if_late
def test_an_answer_that_is_never_read_keeps_no_connection(last: bytes) -> None:
    """The loop ends a connection only when all is written; and so little that writing never pauses."""
    limits = bounds(
        head_seconds=SECONDS, body_seconds=SECONDS, linger_seconds=0.1, write_seconds=SECONDS
    )
    with serving(limits) as house, house.connect(receive_buffer=4096) as wire:
        with within(SECONDS):  # the first head's deadline; none runs between two requests
            wire.send(LIVEZ)
            assert wire.answer().status == 200
        while not any(p._connection.get_write_buffer_size() for p in house.protocols):
            before = house.server.server_state.total_requests
            wire.send(b"GET /sized/30000 HTTP/1.1\r\nhost: a\r\n\r\n")
            until(lambda count=before: house.server.server_state.total_requests > count)
        wire.send(last)
        if not last:
            wire.socket.shutdown(socket.SHUT_WR)
        until(lambda: not house.protocols, LATE)
