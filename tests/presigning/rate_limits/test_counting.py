"""How many URLs a caller may request, in memory as in a store.

A store counts by the machine's own time, so what has to wait for it truly waits.
"""

import asyncio
from typing import Final

import pytest

from service.access.callers import CallerEntry, Identity, Rate, rate_of
from service.access.grants import Caller
from service.errors import RateLimited
from tests.presigning.rate_limits.replicas import (
    MINUTE,
    OTHER,
    Replica,
    make_replicas,
)
from tests.support.late import again_if_late, within
from tests.support.valkey import Valkey


async def test_urls_are_counted_up_to_the_rate(url: str | None) -> None:
    async with make_replicas(url) as [replica]:
        await replica.take(4)
        await replica.take(6)
        assert "At most 10 URLs in 60 s" in (await replica.refusal(1)).detail
        assert replica.failures == 0


async def test_what_is_refused_is_not_counted(url: str | None) -> None:
    async with make_replicas(url) as [replica]:
        await replica.take(8)
        for _ in range(5):
            await replica.refusal(3)
        await replica.take(2)


async def test_callers_of_one_subject_do_not_share_a_count(url: str | None) -> None:
    async with make_replicas(url) as [replica]:
        await replica.take(10)
        await replica.take(10, caller=OTHER)
        await replica.take(10, caller=Caller(issuer="cluster-b", subject="billing"))
        await replica.refusal(1)


async def test_concurrent_requests_stay_within_the_rate(url: str | None) -> None:
    async with make_replicas(url) as [replica]:
        asked = [replica.take(1, Rate(3, MINUTE)) for _ in range(6)]
        refused = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(each is None for each in refused) == 3
        assert replica.failures == 0


async def test_more_urls_than_the_rate_are_refused_and_not_counted(url: str | None) -> None:
    async with make_replicas(url) as [replica]:
        refusal = await replica.refusal(11)
        assert "ask for fewer at once" in refusal.detail
        assert refusal.retry_after == MINUTE
        await replica.take(10)


async def test_who_waits_as_long_as_it_is_told_passes(store: Valkey) -> None:
    """Each as soon as the one before has passed: by then the last window counts too.

    In memory: see `test_windows.py`.
    """
    rate = Rate(10, 1)
    requests = [(10, 1), (10, 10), (1, 10), (5, 5, 5), (6, 6, 2, 8)]
    async with make_replicas(store.url) as [shared]:
        waits = await asyncio.gather(*(passed(shared, urls, rate) for urls in requests))
        assert shared.failures == 0
    # What was counted in one window counts no longer than to the end of the next.
    assert max(max(wait) for wait in waits) <= 2


async def passed(replica: Replica, requests: tuple[int, ...], rate: Rate) -> list[int]:
    caller = Caller(issuer=None, subject=str(requests))
    return [await waited(replica, urls, rate, caller) for urls in requests]


async def waited(replica: Replica, urls: int, rate: Rate, caller: Caller) -> int:
    """The seconds that it was told to wait before it passed."""
    try:
        await replica.take(urls, rate, caller)
    except RateLimited as refused:
        wait = refused.retry_after or 0
        await asyncio.sleep(wait)
        await replica.take(urls, rate, caller)
        return wait
    return 0


@again_if_late
async def test_who_waits_too_long_is_not_told_to(url: str | None) -> None:
    """Of a count of 20 in the last 4 seconds, 1 is free long before 4 more are over."""
    rate = Rate(20, 4)
    async with make_replicas(url) as [replica]:
        with within(1):
            await replica.take(20, rate)
            one, all_of_them = await replica.refusal(1, rate), await replica.refusal(20, rate)
        assert one.retry_after is not None
        assert all_of_them.retry_after is not None
        assert one.retry_after <= 5  # the rest of this window
        assert all_of_them.retry_after - one.retry_after in {3, 4}  # and most of the next


async def test_replicas_without_a_store_count_each_for_itself() -> None:
    async with make_replicas(None, 2) as [one, other]:
        await one.take(10)
        await other.take(10)


async def test_counting_in_memory_leaves_no_task_behind() -> None:
    async with make_replicas(None) as [replica]:
        for _ in range(3):
            await replica.take(1)
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}


def make_entry(subject: str, rate: Rate | None) -> CallerEntry:
    return CallerEntry(issuer="cluster-a", subject=subject, grants=(), rate=rate)


A_FEW: Final = Rate(60, 60)


@pytest.mark.parametrize(
    ("entries", "rate"),
    [
        ([("billing", None)], None),
        ([("sales", A_FEW)], None),
        ([("billing", A_FEW), ("bill*", Rate(10, 1)), ("sales", Rate(99, 1))], Rate(10, 1)),
        ([("bill*", Rate(10, 1)), ("billing", A_FEW)], Rate(10, 1)),
        ([("billing", A_FEW), ("bill*", None)], A_FEW),
        ([("billing", Rate(1, 1)), ("bill*", A_FEW)], A_FEW),  # as many, and more at once
        ([("bill*", A_FEW), ("billing", Rate(1, 1))], A_FEW),
    ],
)
def test_a_callers_rate_is_the_most_generous_of_its_entries(
    entries: list[tuple[str, Rate | None]], rate: Rate | None
) -> None:
    assert rate_of([make_entry(*each) for each in entries], Identity(OTHER)) == rate
