"""The threads that share the parts of a transfer."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from presign_client.transfers.workers import results_of, workers


def ended(outcome: int | Exception) -> Future[int]:
    future = Future[int]()
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
    return future


@pytest.mark.parametrize("parallel", [0, -1])
def test_no_threads_are_an_error(parallel: int) -> None:
    with pytest.raises(ValueError, match="max_workers"), workers(parallel):
        pass


def test_an_error_waits_for_no_shared_thread_that_others_use() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError

    is_done, begun = Event(), list[int]()
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(is_done.wait)
        try:
            with pytest.raises(OSError), workers(2, pool=pool) as running:  # noqa: PT011 - this one
                list(running.each(begun.append, items()))
            assert not busy.done()
        finally:
            is_done.set()
        assert pool.submit(int).result() == 0  # others go on
    assert not begun


def test_what_has_succeeded_comes_before_a_failure() -> None:
    """Else a part that is there would be moved again by the next run."""
    results = results_of([ended(OSError()), ended(1), ended(2)])
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(OSError):  # noqa: PT011 - this very one
        next(results)
