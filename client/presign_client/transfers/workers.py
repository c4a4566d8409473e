"""Threads that share the parts of a transfer, and the sum of what they have moved."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event, Lock
from time import monotonic
from typing import Any, TypeVar

from presign_client.stopping import StoppedError, check_wanted, stop, stopped_by
from presign_client.store import Store
from presign_client.transfers.pace import Pace

Item = TypeVar("Item")
Result = TypeVar("Result")
OnProgress = Callable[[int, "int | None"], None]

BYTES_OF_A_REQUEST = 256 * 1024  # that would take as long as a request takes besides its bytes


class Workers:
    """Threads, up to `parallel`. All end soon once one has failed.

    They are those of `pool`, which others share, or their own.
    """

    def __init__(
        self,
        parallel: int,
        store: Store | None,
        total: int | None,
        report: OnProgress | None,
        pool: ThreadPoolExecutor | None,
    ) -> None:
        self.pool = self._own = None
        if parallel != 1:  # else no thread: one for each of many files takes longer than a file
            if pool is None:
                self._own = ThreadPoolExecutor(parallel, thread_name_prefix="presign-transfer")
            self.pool = pool or self._own
        self._waiting: set[Future[Any]] = set()
        self._store = store
        self._total, self._report = total, report
        self._done, self._lock = 0, Lock()
        self._stop = Event()
        self._pace, self._slow_downs = Pace(parallel, monotonic()), self._asked_to_slow_down()

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield the results as they come. `items` are taken as threads become free."""
        if self.pool is None:
            yield from map(work, items)
            return
        work = stopped_by(self._stop, work)
        for item in items:
            if self._stop.is_set():  # the next one may be long in coming
                break
            while len(self._waiting) >= self._width():
                done, self._waiting = wait(self._waiting, return_when=FIRST_COMPLETED)
                with self._lock:
                    self._pace.moved(len(done) * BYTES_OF_A_REQUEST, monotonic())
                yield from results_of(done)
            self._waiting.add(future := self.pool.submit(work, item))
            future.add_done_callback(self._stop_if_failed)
        while self._waiting:
            done, self._waiting = wait(self._waiting, return_when=FIRST_COMPLETED)
            yield from results_of(done)

    def _stop_if_failed(self, future: Future[Result]) -> None:
        if not future.cancelled() and future.exception() is not None:
            stop(self._stop)

    def _width(self) -> int:
        with self._lock:
            if self._slow_downs != self._asked_to_slow_down():
                self._slow_downs = self._asked_to_slow_down()
                self._pace.slow_down(monotonic())
            return self._pace.width

    def _asked_to_slow_down(self) -> int:
        return 0 if self._store is None else self._store.slow_downs

    def moved(self, count: int) -> None:
        """Add bytes to the progress; those of a failed attempt are taken away again.

        Raises:
            StoppedError: if another thread has failed.

        """
        check_wanted()
        with self._lock:
            self._done += count
            self._pace.moved(count, monotonic())
            if self._report:
                self._report(self._done, self._total)

    def end(self, error: BaseException | None = None) -> None:
        """Wait for the threads, which an error stops."""
        if error is not None:
            stop(self._stop)
            # `wait` would not return for one that is cancelled and that no thread has looked at.
            self._waiting = {each for each in self._waiting if not each.cancel()}
        # Ctrl-C does not wait for a store that does not answer.
        is_awaited = not isinstance(error, KeyboardInterrupt)
        if is_awaited:
            wait(self._waiting)
        if self._own is not None:
            self._own.shutdown(wait=is_awaited)


def results_of(done: Iterable[Future[Result]]) -> Iterator[Result]:
    """Yield results before a failure is raised: what has been moved is not moved again.

    Threads that were stopped come last: they do not say why.
    """
    for each in sorted(done, key=_order):
        yield each.result()


def _order(future: Future[Result]) -> int:
    error = future.exception()
    return (error is not None) + isinstance(error, StoppedError)


@contextmanager
def workers(
    parallel: int,
    store: Store | None = None,
    total: int | None = None,
    report: OnProgress | None = None,
    pool: ThreadPoolExecutor | None = None,
) -> Iterator[Workers]:
    """Yield threads, whose work has ended when the block has."""
    running = Workers(parallel, store, total, report, pool)
    try:
        yield running
    except BaseException as error:
        running.end(error)
        raise
    running.end()
