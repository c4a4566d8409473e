"""No event is lost though replicas are killed. The clock of the queue is ten times as fast."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest
from moto.server import ThreadedMotoServer
from moto.sqs import models

from benchmarks import arrivals
from tests.support import stores
from tests.support.queues import arrivals_of, queue_filled_by
from tests.support.stores import Store

pytestmark = pytest.mark.slow

SPEED: Final = 10


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


def test_no_event_is_lost_though_replicas_are_killed(store: Store) -> None:
    found = arrivals.lose(
        store,
        uploads=100,
        most_refusals=2,
        kill_seconds=(0.0, 0.0),
        replicas_at_once=2,
        most_kills=1,
    )
    assert (found.lost, found.forged, found.left) == (0, 0, 0)
    assert found.kills > 0
    assert found.tries > found.uploads  # half of them are refused


def test_a_stop_ends_the_poll_of_a_queue(store: Store) -> None:
    with (
        queue_filled_by(store, "stop") as queue,
        arrivals.replicas(store, arrivals_of(queue, "http://127.0.0.1:1", "in"), 1) as running,
    ):
        [process] = running.processes
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0


def test_what_is_measured_has_figures(store: Store) -> None:
    waits = arrivals.beside(store, is_slow=True, rate=20, count=5)
    assert 0 < waits.median <= waits.p99
