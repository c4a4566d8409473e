"""What http.client would not do: many headers, and connections that nobody has used for long."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from threading import Event, Timer

import pytest
from urllib3 import PoolManager

from presign_client.connections import (
    FREE_SECONDS,
    IDLE_SECONDS,
    MOST_EARLY,
    TARGET,
    Connection,
    Pool,
)
from presign_client.pools import CONNECTIONS, Pools
from presign_client.retries import TemporaryError
from presign_client.stopping import StoppedError, stopped_by
from presign_client.store_http import StoreHttp
from tests.client.socket_store import OK, sends, store_that
from tests.support.late import again_if_late, within


def with_headers(number: int, length: int = 1) -> bytes:
    lines = "".join(f"x-amz-meta-{each}: {'v' * length}\r\n" for each in range(number))
    return OK.replace(b"\r\n\r\n", b"\r\n" + lines.encode() + b"\r\n")


@pytest.fixture
def http() -> Iterator[StoreHttp]:
    http = StoreHttp()
    yield http
    http.close()


def refusal(http: StoreHttp, origin: str) -> str:
    with pytest.raises(TemporaryError) as failed, http.answer("GET", f"{origin}/a", {}):
        pass
    return failed.value.error.detail


@pytest.mark.parametrize("early", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("number", [0, 1, 99, 101, 600])
def test_an_answer_may_have_hundreds_of_headers(http: StoreHttp, early: bytes, number: int) -> None:
    with store_that(sends(early + with_headers(number))) as store:
        for _ in range(2):
            with http.answer("GET", f"{store.url}/a", {}) as answer:
                assert answer.read() == b"12345"
                assert len(answer.headers) == number + 1

    assert store.connections == 1


@pytest.mark.parametrize("number", [1, 70])
def test_headers_without_an_end_are_said(http: StoreHttp, number: int) -> None:
    with store_that(sends(with_headers(number, 65536 // number))) as store:
        assert refusal(http, store.url) == "The store sent too many headers."


def test_a_given_pool_says_that_there_are_too_many_headers() -> None:
    http = StoreHttp(PoolManager())
    with store_that(sends(with_headers(101))) as store:
        assert refusal(http, store.url) == "The store sent too many headers."
    http.close()


@pytest.mark.parametrize(("pause", "connections"), [(IDLE_SECONDS - 1, 1), (IDLE_SECONDS, 3)])
def test_a_connection_is_not_used_after_a_minute(pause: float, connections: int) -> None:
    """What drops it in between may say nothing, and the next answer would never come."""
    moments = count(0, pause)  # of each answer, and before the next request

    class Later(Connection):
        now = staticmethod(lambda: next(moments))

    class LaterPool(Pool):
        ConnectionCls = Later

    pool = PoolManager()
    pool.pool_classes_by_scheme = {"http": LaterPool}
    with store_that(sends(OK)) as store:
        for _ in range(3):
            assert pool.request("GET", f"{store.url}/", headers={TARGET: "/a"}).data == b"12345"
    pool.clear()

    assert store.connections == connections


FORKS = """
import os, sys
from presign_client import Presign
presign = Presign(sys.argv[1], "token")
presign.whoami()
if child := os.fork():
    os.waitpid(child, 0)
presign.whoami()
"""


def test_a_forked_process_has_connections_of_its_own() -> None:
    """By a shared one it would read answers to its parent: signed URLs of other objects."""
    body = b'{"subject": "tests", "grants": []}'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    with store_that(sends(head % len(body) + body)) as service:
        subprocess.run([sys.executable, "-c", FORKS, service.url], check=True, timeout=60)

    assert (service.connections, len(service.requests)) == (2, 3)


@pytest.mark.parametrize("early", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\n\r\n"])
def test_answers_before_the_final_one_have_an_end(http: StoreHttp, early: bytes) -> None:
    with store_that(sends(early * (MOST_EARLY + 1) + OK)) as store:
        assert refusal(http, store.url) == "The store sent too many headers."
    with (
        store_that(sends(early * MOST_EARLY + OK)) as store,
        http.answer("GET", f"{store.url}/a", {}) as answer,
    ):
        assert answer.read() == b"12345"


@again_if_late
def test_a_connection_that_is_busy_is_waited_for() -> None:
    pools = Pools(PoolManager(maxsize=1, block=True))
    with store_that(sends(OK)) as store, within(FREE_SECONDS * 2.4):
        first = pools.request("GET", f"{store.url}/a", {}, None, seconds=IDLE_SECONDS)
        Timer(FREE_SECONDS * 1.5, first.drain_conn).start()
        sent = {"content-length": "5"}
        body = iter([b"123", b"45"])
        second = pools.request("PUT", f"{store.url}/a", sent, body, seconds=FREE_SECONDS)
        assert second.data == b"12345"
    pools.close()

    assert store.connections == 1


@again_if_late
def test_a_thread_that_waits_for_a_connection_can_be_ended() -> None:
    pools, ended = Pools(PoolManager(maxsize=1, block=True)), Event()
    with store_that(sends(OK)) as store:
        first = pools.request("GET", f"{store.url}/a", {}, None, seconds=IDLE_SECONDS)
        ended.set()
        with within(IDLE_SECONDS / 2), pytest.raises(StoppedError):
            stopped_by(ended, pools.request)(
                "GET", f"{store.url}/a", {}, None, seconds=IDLE_SECONDS
            )
        first.drain_conn()
    pools.close()


def hold_all(http: StoreHttp, origin: str, held: ExitStack) -> None:
    """Begin to read so many answers as there are connections."""
    for _ in range(CONNECTIONS):
        held.enter_context(http.answer("GET", f"{origin}/a", {}))


@pytest.mark.parametrize("of_client", [False, True])
def test_a_program_may_hold_any_number_of_connections(
    http: StoreHttp, caplog: pytest.LogCaptureFixture, *, of_client: bool
) -> None:
    """Each may write into a pipe, which a transfer of the same client reads."""

    def read() -> bytes:
        with http.answer("GET", f"{store.url}/a", {}) as answer:
            return answer.read()

    caplog.set_level("WARNING")
    with store_that(sends(OK)) as store:
        with ExitStack() as held:
            hold_all(http, store.url, held)
            assert (stopped_by(Event(), read) if of_client else read)() == b"12345"
        assert read() == b"12345"

    assert caplog.text == ""


@again_if_late
def test_threads_of_transfers_share_a_number_of_connections(http: StoreHttp) -> None:
    ended = Event()

    def hold_one_more() -> None:
        ended.set()
        hold_all(http, store.url, held)

    with store_that(sends(OK)) as store, ExitStack() as held:
        stopped_by(Event(), hold_all)(http, store.url, held)
        with within(IDLE_SECONDS / 2), pytest.raises(StoppedError):
            stopped_by(ended, hold_one_more)()

    assert store.connections == CONNECTIONS
