"""The threads that share the parts of a transfer."""

from concurrent.futures import Future

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


def test_what_has_succeeded_comes_before_a_failure() -> None:
    """Else a part that is there would be moved again by the next run."""
    results = results_of([ended(OSError()), ended(1), ended(2)])
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(OSError):  # noqa: PT011 - this very one
        next(results)
