"""Counting in memory decides as the library's own storage does."""

import asyncio
import time
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from limits.aio.storage import MemoryStorage

from service.windows import Windows
from tests.signing.strategies import examples

WINDOW: Final = 30 * 86_400  # long enough that no test meets its end


@examples(100)
@given(hits=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 6)), max_size=20))
def test_they_decide_as_the_librarys_own(hits: list[tuple[str, int]]) -> None:
    async def both() -> None:
        ours, theirs = Windows(), MemoryStorage()
        for key, urls in hits:
            mine = await ours.acquire_sliding_window_entry(key, 10, WINDOW, urls)
            assert mine == await theirs.acquire_sliding_window_entry(key, 10, WINDOW, urls)
            left, right = [await each.get_sliding_window(key, WINDOW) for each in (ours, theirs)]
            assert left[::2] == right[::2]  # the counts; the others are seconds

    asyncio.run(both())


async def test_the_window_before_counts_for_less_and_less() -> None:
    """As the library weighs it: all of it at its end, and nothing of it a window later."""
    ours, theirs = Windows(), MemoryStorage()
    decisions = []
    ends = time.monotonic() + 2.5
    while time.monotonic() < ends:  # so often that a busy machine, too, asks for more than may pass
        pair = [await each.acquire_sliding_window_entry("a", 8, 1) for each in (ours, theirs)]
        decisions.append(pair)
        await asyncio.sleep(0.02)
    # A window may turn between the two, which shifts a decision by one ask.
    passed = [sum(column) for column in zip(*decisions, strict=True)]
    assert abs(passed[0] - passed[1]) <= 2
    assert 8 <= passed[0] < len(decisions)
