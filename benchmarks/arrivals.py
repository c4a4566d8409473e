"""Whether arrivals lose an event, whether a slow hook delays another, and the CPU of an event.

    python -m benchmarks.arrivals [--store moto] [--uploads 10000]

The store, its queue, the hooks and the replicas are on loopback. Replicas are killed at random while they
deliver the events, and the hook refuses half of all tries. `docs/arrivals.md`
has the figures.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from threading import Event
from typing import Any, Final

from benchmarks.measuring import cpu_seconds, quantile
from tests.protocols.arrivals.factories import SECRET
from tests.support import stores
from tests.support.processes import free_ports
from tests.support.queues import FilledQueue, arrivals_of, events, queue_filled_by
from tests.support.receiving_hook import HANG_UP, ReceivingHook
from tests.support.service import make_settings, run_service_process
from tests.support.stores import REGION, Store

UPLOADS: Final = 10_000
REPLICAS: Final = 3
MOST_REFUSALS: Final = 6  # of an event: it would be tried again after 2, 4, 8 s and so on
KILL_SECONDS: Final = (4.0, 12.0)  # between two kills
RATES: Final = (5, 20)  # events a second for each hook
SECONDS: Final = 60  # at each rate
EVENTS: Final = 2000
SLOW_SECONDS: Final = 9.0  # that a slow hook takes to answer
_REFUSALS: Final = (500, 503, 429, 302, HANG_UP)
_DELIVERY_SECONDS: Final = 1800.0
_UPLOADERS: Final = 4


@dataclass(frozen=True, slots=True)
class Lost:
    """`accepted` counts deliveries, so with those of an event that came twice."""

    uploads: int
    delivered: int
    accepted: int
    tries: int
    forged: int
    kills: int
    seconds: float
    left: int

    @property
    def lost(self) -> int:
        return self.uploads - self.delivered


@dataclass(slots=True)
class Replicas:
    """Processes of the service, of which one is killed now and then, and started again."""

    settings: dict[str, Any]
    environment: dict[str, str]
    directory: Path
    kills: int = 0
    _running: list[tuple[ExitStack, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(self, number: int) -> None:
        """Return once the new replica is ready: then it polls."""
        (directory := self.directory / f"{len(self._running)}-{time.monotonic_ns()}").mkdir()
        stack, [port] = ExitStack(), free_ports(1)
        running = run_service_process(self.settings, directory, port, **self.environment)
        self._running.insert(number, (stack, stack.enter_context(running)))

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        number = random.randrange(len(self._running))
        stack, process = self._running.pop(number)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        stack.close()
        self.kills += 1
        self.start(number)

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [process for _, process in self._running]

    def logs(self) -> str:
        return "".join(each.read_text() for each in self.directory.glob("*/output.log"))

    def close(self) -> None:
        for stack, _ in self._running:
            stack.close()


@contextmanager
def replicas(store: Store, section: dict[str, Any], count: int) -> Iterator[Replicas]:
    environment = store.base_keys | {"AWS_REGION": REGION}
    with tempfile.TemporaryDirectory() as directory:
        settings = make_settings(store) | {"arrivals": section}
        found = Replicas(settings, environment, Path(directory))
        try:
            for number in range(count):
                found.start(number)
            yield found
        finally:
            found.close()


def lose(
    store: Store,
    *,
    uploads: int = UPLOADS,
    most_refusals: int = MOST_REFUSALS,
    kill_seconds: tuple[float, float] = KILL_SECONDS,
    replicas_at_once: int = REPLICAS,
    most_kills: int = sys.maxsize,
) -> Lost:
    """Try to lose an event of so many uploads."""
    chance, have_started = random.Random(38), Event()

    def answer(_: object, __: str, attempt: int) -> int:
        is_refused = attempt <= most_refusals and chance.random() < 0.5
        return chance.choice(_REFUSALS) if is_refused or not have_started.is_set() else 204

    hook = ReceivingHook(SECRET, answer)
    with hook.serving() as url, queue_filled_by(store, "lost") as queue, ExitStack() as stack:
        # First all uploads: both stores may lose an event that comes while they delete a message.
        upload(store, uploads)
        until(lambda: range(queue.left()), uploads)
        section, began = arrivals_of(queue, url, "in"), time.monotonic()
        running = stack.enter_context(replicas(store, section, replicas_at_once))
        have_started.set()
        next_kill = time.monotonic() + random.uniform(*kill_seconds)
        while len(hook.ids_by_key) < uploads or queue.left():
            if (now := time.monotonic()) > began + _DELIVERY_SECONDS:
                break
            if now >= next_kill and running.kills < most_kills:
                running.kill()
                next_kill = time.monotonic() + random.uniform(*kill_seconds)
            time.sleep(0.2)
        seconds, logs = time.monotonic() - began, running.logs()
        assert not any(each in logs for each in (SECRET, "token=of-in"))
        assert all(len(ids) == 1 for ids in hook.ids_by_key.values())
        return Lost(
            uploads=uploads,
            delivered=len(hook.ids_by_key),
            accepted=len(hook.taken),
            tries=sum(hook.tries.values()),
            forged=hook.forged,
            kills=running.kills,
            seconds=seconds,
            left=queue.left(),
        )


def upload(store: Store, count: int) -> None:
    with ThreadPoolExecutor(_UPLOADERS) as pool:
        list(pool.map(lambda number: store.put(f"in/{number} +ä.bin", b"hello"), range(count)))


@dataclass(frozen=True, slots=True)
class Beside:
    """Seconds from an event's arrival in the queue to that at a quick hook."""

    median: float
    p99: float


def beside(store: Store, *, is_slow: bool, rate: float, count: int) -> Beside:
    """How long an event for a quick hook takes, while one that is slow gets as many, or does not."""
    put = dict[str, float]()

    def answer(_: object, path: str, __: int) -> int:
        if path.startswith("/slow"):
            time.sleep(SLOW_SECONDS)
        return 204

    hook = ReceivingHook(SECRET, answer)
    with (
        hook.serving() as url,
        queue_filled_by(store, f"beside-{is_slow}-{rate}".lower()) as queue,
        replicas(store, arrivals_of(queue, url, "quick", "slow"), 1),
    ):
        names = ("quick", "slow") if is_slow else ("quick",)
        at_rate(rate, count, lambda number: _put(queue, store, names, number, put))
        taken = until(lambda: [each for each in hook.taken if each.key.startswith("quick")], count)
    waits = [each.at - put[each.key] for each in taken]
    return Beside(quantile(waits, 0.5), quantile(waits, 0.99))


def _put(
    queue: FilledQueue, store: Store, names: tuple[str, ...], number: int, put: dict[str, float]
) -> None:
    keys = [f"{name}/{number}" for name in names]
    put.update(dict.fromkeys(keys, time.time()))
    queue.put(*events(keys, store.bucket))


def at_rate(rate: float, count: int, work: Callable[[int], None]) -> None:
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        work(number)


def until(found: Callable[[], Sequence[Any]], count: int) -> Sequence[Any]:
    deadline = time.monotonic() + _DELIVERY_SECONDS
    while len(found()) < count:
        assert time.monotonic() < deadline, f"{len(found())} of {count}"
        time.sleep(0.05)
    return found()


def cpu_ms(store: Store, *, count: int = EVENTS) -> float:
    """Return what a replica uses for an event, with the kernel, SQS's calls and the hook's."""
    hook = ReceivingHook(SECRET)
    with (
        hook.serving() as url,
        queue_filled_by(store, "cpu") as queue,
        replicas(store, arrivals_of(queue, url, "in"), 1) as running,
    ):
        queue.put(*events([f"in/warm-{number}" for number in range(100)], store.bucket))
        until(lambda: hook.taken, 100)
        time.sleep(1.0)
        [process] = running.processes
        before = cpu_seconds(process.pid)
        queue.put(*events([f"in/{number}" for number in range(count)], store.bucket))
        until(lambda: hook.taken, count + 100)
        while queue.left():
            time.sleep(0.1)
        return (cpu_seconds(process.pid) - before) * 1000 / count


def lines(store: Store, uploads: int) -> Iterator[str]:
    found = lose(store, uploads=uploads)
    yield (
        f"{found.uploads:,} uploads: {found.lost} events lost, {found.delivered:,} delivered in "
        f"{found.seconds:.0f} s by {found.tries:,} tries, {found.accepted - found.delivered:,} of them "
        f"again; {found.kills} replicas killed, {found.forged} requests not signed, "
        f"{found.left} messages left"
    )
    if store.name == "moto":
        return  # it may lose a message that comes while it deletes another
    for rate, is_slow in product(RATES, (False, True)):
        waits = beside(store, is_slow=is_slow, rate=rate, count=rate * SECONDS)
        words = f"beside one that answers after {SLOW_SECONDS:.0f} s" if is_slow else "alone"
        yield (
            f"a quick hook {words}, {rate} events a second: "
            f"p50 {waits.median * 1000:.0f} ms, p99 {waits.p99 * 1000:.0f} ms"
        )
    yield f"CPU of an event: {cpu_ms(store):.2f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["moto", "ministack"], default="ministack")
    parser.add_argument("--uploads", type=int, default=UPLOADS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        started = stores.moto if options.store == "moto" else stores.ministack
        with started(Path(directory)) as store:
            for line in lines(store, options.uploads):
                print(f"{options.store}: {line}", flush=True)


if __name__ == "__main__":
    main()
