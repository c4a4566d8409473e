"""Once one thread of a transfer has failed, the others end: at their next bytes, or in a pause."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import httpx
import pytest

from presign_client import Presign, Retries
from presign_client.api import Api
from presign_client.signed import SignedRequest
from presign_client.stopping import StoppedError, check_wanted, pause, stop, stopped_by
from presign_client.store import Store
from presign_client.transfers.job import Job
from presign_client.transfers.parts import PartsUpload, aborted_if_it_fails
from presign_client.transfers.plan import MIN_PART_SIZE, UploadOptions
from presign_client.transfers.source import CHUNK
from presign_client.transfers.workers import results_of, workers
from tests.client.socket_store import OK, Answer, Connection, sends, store_that
from tests.support.late import again_if_late, within
from tests.support.socket_server import wait_until
from tests.support.stub_server import make_tls_context

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


def test_a_thread_that_is_to_end_begins_no_attempt() -> None:
    ended, begun = Event(), list[int]()
    ended.set()

    with pytest.raises(StoppedError):
        stopped_by(ended, lambda: Retries().run(begun.append))()

    assert begun == []


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


def is_silent(_connection: Connection, _: int) -> None:
    Event().wait(LONG)


def is_silent_in_the_middle(connection: Connection, number: int) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nabc")
    is_silent(connection, number)


@again_if_late
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("answer", [is_silent, is_silent_in_the_middle])
def test_a_silent_store_is_left_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, *, secure: bool
) -> None:
    context = make_tls_context(tmp_path) if secure else None
    if secure:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    asked = Store(Retries())

    def of_one(number: int) -> None:
        if number:
            asked.send(lambda: SignedRequest(method="GET", url=f"{store.url}/a"))
        else:
            wait_until(lambda: len(store.requests) == 3)
            raise OSError("the first")

    with (
        store_that(answer, context) as store,
        within(SOON),
        pytest.raises(OSError, match="the first"),
        workers(4) as running,
    ):
        list(running.each(of_one, range(4)))
    asked.close()


def test_another_transfer_goes_on_by_the_connection_of_one_that_ends() -> None:
    asked, begun, may_end = Store(Retries(tries=1)), Event(), Event()
    one, other, result = Event(), Event(), Future[bytes]()

    def answer(connection: Connection, number: int) -> None:
        if number:
            begun.set()
            assert may_end.wait(LONG)
        connection.send(OK)

    def ask() -> bytes:
        return asked.send(lambda: SignedRequest(method="GET", url=f"{store.url}/a")).content

    with store_that(answer) as store:
        stopped_by(one, ask)()
        Thread(target=lambda: result.set_result(stopped_by(other, ask)())).start()
        assert begun.wait(LONG)
        stop(one)
        may_end.set()
        assert result.result(LONG) == b"12345"

    assert store.connections == 1
    asked.close()


@pytest.mark.parametrize("is_secure", [False, True])
def test_a_connection_at_which_nobody_waits_is_kept(tmp_path: Path, *, is_secure: bool) -> None:
    """It may be another thread's already."""
    context = make_tls_context(tmp_path) if is_secure else None
    with pytest.MonkeyPatch.context() as patch, store_that(sends(OK), context) as store:
        patch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
        asked, ended = Store(Retries(tries=1)), Event()
        signed = SignedRequest(method="GET", url=f"{store.url}/a")
        stopped_by(ended, lambda: asked.send(lambda: signed))()
        stop(ended)
        assert stopped_by(Event(), lambda: asked.send(lambda: signed))().content == b"12345"
        asked.close()

    assert store.connections == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_ends_no_connection_of_its_parent() -> None:
    asked, ended, begun, may_end = Store(Retries(tries=1)), Event(), Event(), Event()
    result = Future[bytes]()

    def answer(connection: Connection, _: int) -> None:
        begun.set()
        assert may_end.wait(LONG)
        connection.send(OK)

    def ask() -> None:
        signed = SignedRequest(method="GET", url=f"{store.url}/a")
        result.set_result(asked.send(lambda: signed).content)

    with store_that(answer) as store:
        Thread(target=stopped_by(ended, ask)).start()
        assert begun.wait(LONG)
        if not (child := os.fork()):
            stop(ended)
            os._exit(0)
        os.waitpid(child, 0)
        may_end.set()
        assert result.result(LONG) == b"12345"
    asked.close()


def test_a_stream_that_is_stopped_is_aborted() -> None:
    """Else its parts stay at the store, and cost money."""
    begun, ended = Event(), Event()

    def answer(connection: Connection, _: int) -> None:
        signed = {"method": "PUT", "url": f"{store.url}/part", "headers": {}}
        if "/part-urls" in connection.head:
            connection.send(json_of({"parts": [signed]}))
        elif connection.head.startswith("PUT"):
            begun.set()  # and nothing more
        else:
            connection.send(json_of({"upload_id": "U1"}))

    def upload() -> None:
        with suppress(StoppedError):
            stream = BytesIO(bytes(2 * MIN_PART_SIZE))
            presign.upload(stream, "b", "k", part_size=MIN_PART_SIZE, overwrite=True)

    with store_that(answer) as store, Presign(store.url, "token") as presign, within(SOON):
        running = Thread(target=stopped_by(ended, upload))
        running.start()
        assert begun.wait(LONG)
        stop(ended)
        running.join()

    assert store.requests[-1].startswith("DELETE /v1/multipart-uploads/U1?")


@pytest.mark.parametrize("given", [False, True])
def test_an_abort_does_not_wait_long_for_a_silent_service(*, given: bool) -> None:
    """Ctrl-C would end after 400 seconds, and five more attempts."""
    ended, retries, http = Event(), Retries(), httpx.Client() if given else None

    def silent(connection: Connection, _: int) -> None:
        ended.wait(LONG)
        connection.end()

    with store_that(silent) as service, within(SOON):
        api = Api(service.url, lambda: "token", http, retries)
        place = Job(api=api, store=Store(retries), bucket="b", key="k", options=UploadOptions())
        upload = PartsUpload(place, "U1", MIN_PART_SIZE, None)
        with pytest.raises(KeyboardInterrupt), aborted_if_it_fails(upload, seconds=0.1):
            raise KeyboardInterrupt
        ended.set()
        api.close()

    assert service.requests[0].startswith("DELETE /v1/multipart-uploads/U1?")


DOWNLOAD = """
import sys
from presign_client import Presign
Presign(sys.argv[1], "token").download("reports", "a", sys.argv[2], part_size=5)
"""


def json_of(document: object) -> bytes:
    body = json.dumps(document).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


@again_if_late
def test_ctrl_c_ends_a_download_from_a_silent_store(tmp_path: Path) -> None:
    """The next run reads only what is missing."""
    parts: list[int] = []
    is_back = Event()

    def answer(connection: Connection, _: int) -> None:
        if "object-checks" in connection.head:
            found = {"found": True, "content_length": 20, "etag": '"e"', "mismatches": []}
            return connection.send(json_of(found))
        if "download-urls" in connection.head:
            signed = {"method": "GET", "url": f"{store.url}/a", "headers": {}}
            return connection.send(json_of(signed))
        [start] = re.findall(r"range: bytes=(\d+)", connection.head)
        parts.append(int(start))
        if int(start) and not is_back.is_set():
            return is_silent(connection, 0)
        return connection.send(b"HTTP/1.1 206 Part\r\ncontent-length: 5\r\n\r\n12345")

    def run() -> "subprocess.Popen[bytes]":
        words = [sys.executable, "-c", DOWNLOAD, store.url, str(tmp_path / "a")]
        state = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
        return subprocess.Popen(words, env=state, stderr=subprocess.DEVNULL)

    def has_noted_one() -> bool:
        return any("\n1\n" in each.read_text() for each in tmp_path.glob("state/presign/*"))

    with store_that(answer) as store:
        with run() as interrupted:
            wait_until(lambda: len(parts) == 4 and has_noted_one())
            with within(SOON):
                interrupted.send_signal(signal.SIGINT)
                interrupted.wait()
        del parts[:]
        is_back.set()
        with run() as again:
            assert again.wait(LONG) == 0

    assert sorted(parts) == [5, 10, 15]
    assert (tmp_path / "a").read_bytes() == b"12345" * 4
