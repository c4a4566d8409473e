"""Counting in memory decides as the library's own storage does, and is bounded."""

import asyncio
import tracemalloc
from types import SimpleNamespace
from typing import Final
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from limits.aio.storage import MemoryStorage

from service.access.callers import Rate
from service.access.grants import Caller
from service.presigning.rate_windows import MAX_COUNTS, Counted, Windows
from tests.support.examples import examples
from tests.support.factories import CALLER
from tests.support.virtual_time import CLOCK_START, FakeClock

DAY: Final = 86_400

hits = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 6), st.floats(0, 25)), max_size=40)


def pod(number: int) -> Caller:
    return Caller(issuer="cluster-a", subject=f"pod-{number}")


@examples(200)
@given(hits=hits, urls=st.integers(1, 12), seconds=st.sampled_from([1, 7, 10, 60]))
def test_memory_decides_as_the_library_does(
    hits: list[tuple[str, int, float]], urls: int, seconds: int
) -> None:
    """At any moments, in many windows one after the other; and it tells the same counts."""
    clock, rate = FakeClock(), Rate(urls, seconds)

    async def both() -> None:
        ours, theirs = Windows(clock.wall), MemoryStorage()
        for name, amount, pause in hits:
            clock.move(pause)
            mine = ours.take(Caller(issuer=None, subject=name), rate, amount)
            assert mine == await theirs.acquire_sliding_window_entry(name, urls, seconds, amount)
            told = await theirs.get_sliding_window(name, seconds)
            assert ours.counted(Caller(issuer=None, subject=name), rate) == Counted(*told)

    with patch("limits.aio.storage.memory.time", SimpleNamespace(time=clock.wall)):
        asyncio.run(both())


@examples(200)
@given(
    first=st.integers(0, 10),
    second=st.integers(0, 10),
    urls=st.integers(1, 10),
    at=st.floats(10, 20),
)
def test_who_waits_as_told_passes_and_not_a_second_before(
    first: int, second: int, urls: int, at: float
) -> None:
    clock, rate = FakeClock(), Rate(10, 10)
    windows = Windows(clock.boot)
    windows.take(CALLER, rate, first)
    clock.move(at)
    windows.take(CALLER, rate, second)
    if windows.take(CALLER, rate, urls):
        return
    wait = windows.counted(CALLER, rate).wait(rate, urls)
    clock.move(wait - 1 - 1e-6)
    assert not windows.take(CALLER, rate, urls)
    clock.move(1 + 1e-6)
    assert windows.take(CALLER, rate, urls)


def test_a_clock_that_is_set_back_changes_no_count() -> None:
    clock = FakeClock()
    windows = Windows(clock.boot)
    assert windows.take(CALLER, Rate(10, 60), 10)
    clock.skew = -CLOCK_START
    assert not windows.take(CALLER, Rate(10, 60), 1)


def test_what_is_over_is_forgotten() -> None:
    clock = FakeClock()
    windows = Windows(clock.boot)
    for number in range(50):
        windows.take(pod(number), Rate(1, 10), 1)
    clock.move(20)
    for number in range(50, 75):
        windows.take(pod(number), Rate(1, 10), 1)
    assert len(windows) == 25
    assert windows.take(pod(0), Rate(1, 10), 1)


def test_counts_of_long_windows_are_capped_in_memory() -> None:
    """More callers in a day than are counted, and as many others the next day."""
    clock = FakeClock()
    windows, rate = Windows(clock.boot), Rate(10, DAY)
    tracemalloc.start()
    try:
        for day in range(2):
            for number in range(MAX_COUNTS + 5000):
                windows.take(pod(day * 10**6 + number), rate, 1)
            clock.move(DAY)
        assert tracemalloc.get_traced_memory()[0] < 16 * 1024**2
    finally:
        tracemalloc.stop()
    assert len(windows) == MAX_COUNTS


def test_beyond_the_cap_the_count_that_began_first_goes() -> None:
    windows = Windows(FakeClock().boot, most=2)
    for number in range(3):
        assert windows.take(pod(number), Rate(1, DAY), 1)
    assert not windows.take(pod(1), Rate(1, DAY), 1)
    assert not windows.take(pod(2), Rate(1, DAY), 1)
    assert windows.take(pod(0), Rate(1, DAY), 1)


def test_a_flood_of_one_window_length_forgets_no_other() -> None:
    windows = Windows(FakeClock().boot, most=2)
    assert windows.take(CALLER, Rate(1, 60), 1)
    for number in range(10):
        windows.take(pod(number), Rate(1, DAY), 1)
    assert not windows.take(CALLER, Rate(1, 60), 1)
