"""No event is lost though replicas are killed. The clock of the queue is ten times as fast."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Final

import pytest
from moto.server import ThreadedMotoServer
from moto.sqs import models

from tests.protocols.arrivals.factories import SECRET
from tests.support import stores
from tests.support.processes import free_ports
from tests.support.queues import arrivals_of, queue_filled_by
from tests.support.receiving_hook import HANG_UP, ReceivingHook
from tests.support.service import make_settings, run_service_process
from tests.support.stores import REGION, Store

pytestmark = pytest.mark.slow

SPEED: Final = 10
UPLOADS: Final = 100
MOST_REFUSALS: Final = 2  # of an event: it would be tried again after 2, 4, 8 s and so on
REFUSALS: Final = (500, 503, 429, 302, HANG_UP)
DELIVERY_SECONDS: Final = 1800.0


def delete_alone(queue: Any, receipt: str, delete: Any = models.Queue.delete_message) -> None:
    """Or moto 5.2.5 loses a message that comes meanwhile."""
    with queue._messages_lock:
        delete(queue, receipt)


@pytest.fixture(name="store", scope="module")
def _store() -> Iterator[Store]:
    began, server = time.time(), ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            models, "unix_time_millis", lambda: (began + SPEED * (time.time() - began)) * 1000
        )
        patch.setattr(models.Queue, "delete_message", delete_alone)
        server.start()
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        with stores._buckets(url) as admin:
            yield stores._store_with_iam("moto", url, admin)
        server.stop()


@contextmanager
def replica(
    store: Store, section: dict[str, Any], directory: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that is ready: it polls."""
    directory.mkdir()
    settings, environment = make_settings(store) | {"arrivals": section}, store.base_keys
    [port] = free_ports(1)
    with run_service_process(
        settings, directory, port, **environment, AWS_REGION=REGION
    ) as process:
        yield process


def put(store: Store, number: int) -> None:
    store.put(f"in/{number} +ä.bin", b"hello")


def wait_until(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DELIVERY_SECONDS
    while not is_done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_no_event_is_lost_though_a_replica_is_killed(store: Store, tmp_path: Path) -> None:
    chance, have_started = random.Random(38), Event()

    def answer(_: object, __: str, attempt: int) -> int:
        is_refused = attempt <= MOST_REFUSALS and chance.random() < 0.5
        return chance.choice(REFUSALS) if is_refused or not have_started.is_set() else 204

    hook = ReceivingHook(SECRET, answer)
    with hook.serving() as url, queue_filled_by(store, "lost") as queue, ExitStack() as stack:
        # First all uploads: the store may lose an event that comes while it deletes a message.
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: put(store, number), range(UPLOADS)))
        wait_until(lambda: queue.left() >= UPLOADS)  # and a test event
        section = arrivals_of(queue, url, "in")
        killed = ExitStack()
        process = killed.enter_context(replica(store, section, tmp_path / "killed"))
        stack.enter_context(replica(store, section, tmp_path / "second"))
        have_started.set()
        os.kill(process.pid, signal.SIGKILL)  # in the middle of whatever it does
        process.wait()
        killed.close()
        stack.enter_context(replica(store, section, tmp_path / "third"))
        wait_until(lambda: len(hook.ids_by_key) == UPLOADS and not queue.left())
    assert hook.forged == 0
    assert all(len(ids) == 1 for ids in hook.ids_by_key.values())
    assert sum(hook.tries.values()) > UPLOADS  # half of them are refused
    logs = "".join(each.read_text() for each in tmp_path.glob("*/output.log"))
    assert not any(each in logs for each in (SECRET, "token=of-in"))


def test_a_stop_ends_the_poll_of_a_queue(store: Store, tmp_path: Path) -> None:
    with queue_filled_by(store, "stop") as queue:
        section = arrivals_of(queue, "http://127.0.0.1:1", "in")
        with replica(store, section, tmp_path / "stopped") as process:
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(10) == 0
