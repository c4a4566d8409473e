"""Threads that share the parts of a transfer, and the sum of what they have moved."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event, Lock
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
OnProgress = Callable[[int, "int | None"], None]


class StoppedError(Exception):
    """Another thread has failed."""


class Workers:
    """`parallel` threads. They call `moved` often, which ends them once one has failed."""

    def __init__(
        self, pool: ThreadPoolExecutor, parallel: int, total: int | None, report: OnProgress | None
    ) -> None:
        self._pool, self._parallel = pool, parallel
        self._total, self._report = total, report
        self._done, self._lock = 0, Lock()
        self._stop = Event()

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield the results as they come. `items` are taken as threads become free."""
        waiting: set[Future[Result]] = set()
        for item in items:
            waiting.add(self._pool.submit(work, item))
            if len(waiting) > self._parallel:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from results_of(done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from results_of(done)

    def moved(self, count: int) -> None:
        """Add bytes to the progress; those of a failed attempt are taken away again.

        Raises:
            StoppedError: if another thread has failed.

        """
        if self._stop.is_set():
            raise StoppedError
        with self._lock:
            self._done += count
            if self._report:
                self._report(self._done, self._total)

    def stop(self) -> None:
        self._stop.set()


def results_of(done: Iterable[Future[Result]]) -> Iterator[Result]:
    """Yield results before a failure is raised: what has been moved is not moved again."""
    for each in sorted(done, key=lambda future: future.exception() is not None):
        yield each.result()


@contextmanager
def workers(
    parallel: int, total: int | None = None, report: OnProgress | None = None
) -> Iterator[Workers]:
    """Yield threads, which have ended when the block has."""
    pool = ThreadPoolExecutor(parallel, thread_name_prefix="presign-transfer")
    running = Workers(pool, parallel, total, report)
    try:
        yield running
    except BaseException as error:
        running.stop()
        # Ctrl-C does not wait for a store that does not answer.
        pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    pool.shutdown()
