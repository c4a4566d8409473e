"""A late test runs again; a failure in time does not."""

import asyncio

import pytest

from tests.support.late import TRIES, Late, again_if_late, within


def test_a_late_test_runs_again_until_it_is_in_time() -> None:
    seconds = [0.0, 0.0, 60.0, 60.0]

    @again_if_late
    def test() -> None:
        with within(seconds.pop(0)):
            pass

    test()
    assert seconds == [60.0]


def runs_until(error: type[Exception], seconds: float) -> int:
    """How often a test runs whose block of `seconds` fails, until it raises `error`."""
    runs = list[int]()

    @again_if_late
    def test() -> None:
        runs.append(1)
        with within(seconds):
            raise AssertionError("it is wrong")

    with pytest.raises(error):
        test()
    return len(runs)


def test_a_test_that_is_always_late_fails_for_that() -> None:
    assert runs_until(Late, 0.0) == TRIES


def test_a_failure_in_time_fails_at_once() -> None:
    assert runs_until(AssertionError, 60.0) == 1


async def test_a_late_coroutine_runs_again() -> None:
    seconds = [0.0, 60.0, 60.0]

    @again_if_late
    async def test() -> None:
        with within(seconds.pop(0)):
            await asyncio.sleep(0)

    await test()
    assert seconds == [60.0]
