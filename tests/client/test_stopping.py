"""Once one thread of a transfer has failed, the others end: at their next bytes, or in a pause."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from threading import Event
from time import monotonic

import pytest

from presign_client import Retries
from presign_client.signed import SignedRequest
from presign_client.stopping import StoppedError, check_wanted, pause, stopped_by
from presign_client.store import Store
from presign_client.transfers.source import CHUNK
from presign_client.transfers.workers import results_of, workers
from tests.client.socket_store import Connection, store_that
from tests.support.late import again_if_late, within

LONG = 30.0  # seconds, after which a thread that was not stopped ends by itself
SOON = 10.0


def go_on() -> None:
    """Move bytes for long."""
    end = monotonic() + LONG
    while monotonic() < end:
        check_wanted()
        Event().wait(0.01)


def wait_long() -> None:
    pause(LONG)


def of_a_folder() -> None:
    """Work for long in threads of its own, as a file of a folder does."""
    with workers(2) as running:
        list(running.each(lambda _: go_on(), range(4)))


@again_if_late
@pytest.mark.parametrize("work", [go_on, wait_long, of_a_folder])
def test_one_failure_ends_the_other_threads(work: Callable[[], None]) -> None:
    begun = Event()

    def of_one(number: int) -> None:
        if number:
            begun.set()
            work()
        else:
            assert begun.wait(LONG)
            raise OSError("the first")

    with within(SOON), pytest.raises(OSError, match="the first"), workers(4) as running:
        list(running.each(of_one, range(8)))


@again_if_late
def test_a_failure_is_noticed_before_the_next_item() -> None:
    """A stream may give its next part in an hour."""
    failed, taken = Event(), []

    def items() -> Iterator[int]:
        for number in range(3):
            taken.append(number)
            yield number
            assert failed.wait(LONG)

    def fail(_: int) -> None:
        failed.set()
        raise OSError("the first")

    with within(SOON), pytest.raises(OSError, match="the first"), workers(4) as running:
        list(running.each(fail, items()))

    assert len(taken) <= 2


def test_a_failure_comes_before_what_it_has_stopped() -> None:
    futures = [Future[int]() for _ in range(3)]
    futures[0].set_exception(StoppedError())
    futures[1].set_exception(OSError("the first"))
    futures[2].set_result(1)

    results = results_of(futures)

    assert next(results) == 1
    with pytest.raises(OSError, match="the first"):
        next(results)


def done() -> str:
    check_wanted()
    pause(0.001)
    return "done"


def test_a_thread_that_nobody_stops_goes_on() -> None:
    assert stopped_by(Event(), done)() == "done"
    assert done() == "done"


def test_a_thread_ends_by_its_own_event_and_by_an_outer_one() -> None:
    ended = Event()
    ended.set()

    for work in (done, lambda: stopped_by(Event(), done)()):  # noqa: PLW0108 - in that thread
        with pytest.raises(StoppedError):
            stopped_by(ended, work)()
    assert done() == "done"


def trickles(connection: Connection, _: int) -> None:
    """Answer with a byte now and then, for long."""
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    with suppress(OSError):
        for _ in range(int(LONG / 0.01)):
            connection.send(b"a")
            Event().wait(0.01)


def takes_little(connection: Connection, _: int) -> None:
    """Take a few bytes now and then, for long."""
    for _ in range(int(LONG / 0.01)):
        if not connection.socket.recv(1024):
            return
        Event().wait(0.01)


@again_if_late
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_slow_store_is_left_at_its_next_bytes(method: str) -> None:
    moved = Event()
    size = 1000 * CHUNK

    def body() -> Iterator[bytes]:
        for number in range(1000):
            if number:
                moved.set()
            yield bytes(CHUNK)

    def move() -> None:
        signed = SignedRequest(
            method=method, url=f"{store.url}/a", content_length=size if method == "PUT" else None
        )
        sent = body() if method == "PUT" else None
        with Store(Retries()).answer(signed, sent) as answer:
            moved.set()
            answer.read()

    answer = trickles if method == "GET" else takes_little
    with store_that(answer, reads_bodies=False) as store, within(SOON):
        done: list[BaseException] = []

        def run(number: int) -> None:
            if number:
                try:
                    move()
                except StoppedError as error:
                    done.append(error)
                    raise
            else:
                assert moved.wait(LONG)
                raise OSError("the first")

        with pytest.raises(OSError, match="the first"), workers(2) as running:
            list(running.each(run, range(2)))

    assert len(done) == 1
