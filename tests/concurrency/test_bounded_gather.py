import asyncio

import pytest

from service.concurrency.event_loop import gather_bounded


class Work:
    """Doubles numbers, and counts what runs at a time."""

    def __init__(self) -> None:
        self.running = self.most = self.begun = 0

    async def __call__(self, number: int) -> int:
        self.running += 1
        self.begun += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        if number == 3:
            raise ValueError(number)
        return 2 * number


@pytest.mark.parametrize(("count", "most"), [(0, 0), (2, 2), (3, 2)])
async def test_results_have_the_items_order(count: int, most: int) -> None:
    work = Work()
    found = await gather_bounded(work, range(count), limit=2)
    assert (found, work.most) == ([2 * number for number in range(count)], most)


async def test_the_first_error_ends_the_others() -> None:
    work = Work()
    with pytest.raises(ValueError, match="3"):
        await gather_bounded(work, range(100), limit=2)
    assert work.begun <= 6


async def test_a_cancelled_call_cancels_its_work() -> None:
    async def forever(_: int) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await gather_bounded(forever, [1, 2], limit=2)
