"""SIGTERM: the process says that it is about to end, loses no request, and ends with 0."""

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
from tests.server.house import (
    LIVEZ,
    PATIENCE,
    CoalescingTransport,
    House,
    bounds,
    post,
    serving,
    until,
)
from tests.server.process import ASK, Services, serving_process

CLIENTS = 6
DRAIN = 2.0  # seconds, in which each client asks at least once
READYZ = LIVEZ.replace(b"livez", b"readyz")
SIGN = post("/v1/download-urls", json.dumps(ASK).encode())
LONG = 60.0


@dataclass
class Asker:
    """Asks, on one connection while it is kept, until none is to be had.

    On a busy machine it may not run for seconds, also while an answer waits for it. What it sends later than a
    connection is kept that asks for nothing is not lost: it asks again.
    """

    running: Services
    answers: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    said_close: int = 0
    _sent_at: float = 0.0

    def run(self) -> None:
        with self.running.client() as client:
            while True:
                before = self._sent_at or time.monotonic()
                try:
                    answer = client.post(
                        "/v1/download-urls", json=ASK, extensions={"trace": self._note}
                    )
                except httpx.ConnectError:
                    return
                except httpx.TransportError as fault:
                    if self._sent_at - before > ConnectionLimits().shutdown_idle_seconds:
                        continue
                    self.faults.append(repr(fault))
                    return
                self.answers.append(answer.status_code)
                self.said_close += answer.headers.get("connection") == "close"

    def _note(self, event: str, _: object) -> None:
        if event.startswith("http11.send_request_headers."):
            self._sent_at = time.monotonic()


def test_no_request_is_lost_under_load(tmp_path: Path) -> None:
    with serving_process(tmp_path, drain_seconds=DRAIN) as running:
        askers = [Asker(running) for _ in range(CLIENTS)]
        threads = [threading.Thread(target=asker.run) for asker in askers]
        for thread in threads:
            thread.start()
        until(lambda: all(len(asker.answers) > 20 for asker in askers))
        start = time.monotonic()
        running.signal(signal.SIGTERM)
        assert running.process.wait(DRAIN + FINISH_SECONDS) == 0
        assert time.monotonic() - start > DRAIN
        for thread in threads:
            thread.join(PATIENCE)
    assert [asker.faults for asker in askers] == [[]] * CLIENTS
    assert {status for asker in askers for status in asker.answers} == {200}
    assert all(asker.said_close for asker in askers)


@pytest.fixture(name="draining")
def _draining(tmp_path: Path) -> Iterator[Services]:
    with serving_process(tmp_path, drain_seconds=LONG) as running:
        yield running


def drain(running: Services, wire: CoalescingTransport) -> None:
    running.signal(signal.SIGTERM)
    until(lambda: readiness(running) == 503)
    wire.send(LIVEZ)
    assert wire.answer().headers["connection"] == "close"
    assert wire.ends()


def readiness(running: Services) -> int:
    with running.connect() as wire:
        wire.send(READYZ)
        return wire.answer().status


def test_it_is_not_ready_at_once_and_yet_answers(draining: Services) -> None:
    """A second signal ends the pause; what is under way then is answered still."""
    with draining.connect() as idle, draining.connect() as slow, draining.connect() as begun:
        slow.send(SIGN[:-5])
        idle.send(READYZ)
        assert idle.answer().status == 200  # so that the other's head was read, too
        drain(draining, idle)
        with draining.connect() as late:
            late.send(SIGN)
            answer = late.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
        begun.send(SIGN[:30])
        draining.signal(signal.SIGTERM)
        until(lambda: is_refused(draining))
        time.sleep(0.7)  # longer than connections are kept that are idle
        slow.send(SIGN[-5:])
        begun.send(SIGN[30:])
        assert [wire.answer().status for wire in (slow, begun)] == [200, 200]
        assert [wire.ends() for wire in (slow, begun)] == [True, True]
        assert draining.process.wait(PATIENCE) == 0


def is_refused(running: Services) -> bool:
    try:
        with socket.create_connection(running.address):
            return False
    except ConnectionResetError:  # while the listener closed; the next one is refused
        return False
    except ConnectionRefusedError:
        return True


def test_idle_connections_do_not_hold_the_end_up(tmp_path: Path) -> None:
    with (
        serving_process(tmp_path, drain_seconds=0) as running,
        running.connect() as silent,
        running.connect() as idle,
    ):
        idle.send(LIVEZ)
        assert idle.answer().status == 200
        running.signal(signal.SIGTERM)
        assert running.process.wait(PATIENCE) == 0
        assert silent.ends()
        assert idle.ends()


def test_who_has_no_descriptor_left_loses_nothing_that_is_under_way(tmp_path: Path) -> None:
    with serving_process(tmp_path, drain_seconds=0) as running, running.connect() as begun:
        begun.send(SIGN[:-5])
        assert readiness(running) == 200  # so that it was read
        running.take_descriptors()
        running.signal(signal.SIGTERM)
        until(lambda: is_refused(running))
        begun.send(SIGN[-5:])
        assert begun.answer().status == 200


def test_an_interrupt_ends_it_without_a_pause(draining: Services) -> None:
    with draining.connect() as begun:
        begun.send(SIGN[:30])
        assert readiness(draining) == 200  # so that it was read
        draining.signal(signal.SIGINT)
        until(lambda: is_refused(draining))
        begun.send(SIGN[30:])
        assert begun.answer().headers["connection"] == "close"
        assert begun.ends()
    draining.process.wait(PATIENCE)


def test_a_drain_that_has_begun_shows_in_every_answer() -> None:
    with serving() as house, house.connect() as wire:
        wire.send(LIVEZ)
        assert "connection" not in wire.answer().headers
        house.drain.begin(time.monotonic())
        wire.send(READYZ)
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        assert wire.ends()


@pytest.mark.parametrize("connects_late", [False, True])
def test_a_request_that_is_on_its_way_at_the_end_is_answered(connects_late: bool) -> None:
    """The loop is busy while it comes, and stops listening before it looks for more."""
    with serving(bounds(shutdown_idle_seconds=2.0)) as house, ExitStack() as stack:
        accepted, kept = (stack.enter_context(house.connect()) for _ in range(2))
        kept.send(LIVEZ)
        assert kept.answer().status == 200
        until(lambda: len(house.protocols) == 2)
        is_sent = wait_in_the_last_tick(house)
        wires = [accepted, kept]
        if connects_late:  # and is not accepted before
            wires = [stack.enter_context(house.connect())]
        for wire in wires:
            wire.send(SIGN)
        is_sent.set()
        for wire in wires:
            answer = wire.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")


def wait_in_the_last_tick(house: House) -> threading.Event:
    """Until the loop is at the place where it sees that it has to stop, and busy there until the event is set."""
    is_there, is_over = threading.Event(), threading.Event()

    async def be_busy() -> None:
        is_there.set()
        is_over.wait(PATIENCE)  # no other task runs meanwhile
        house.drain.begin(time.monotonic())
        house.server.should_exit = True

    house.server.config.callback_notify = be_busy
    assert is_there.wait(PATIENCE)
    return is_over
