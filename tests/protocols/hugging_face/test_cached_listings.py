"""Listings that are kept: how long, how many, and what happens when one fails."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from service.concurrency.waiting import Waiting
from service.errors import Forbidden, Overloaded, RateLimited, StorageUnavailable
from service.protocols.hugging_face.cached_listings import (
    KEPT_SECONDS,
    MAX_AT_ONCE,
    MAX_KEYS,
    MAX_LISTINGS,
    CachedListings,
)
from tests.support.virtual_time import FakeClock

Listings = CachedListings[range]


def listings(clock: FakeClock | None = None, waiting: Waiting | None = None) -> Listings:
    return CachedListings(clock or FakeClock(), waiting or Waiting(), len)


class Store:
    """Makes listings of `keys`. The first ones fail with `failures`."""

    def __init__(self, *failures: Exception, keys: int = 1) -> None:
        self.failures = [*failures]
        self.keys = keys
        self.made = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = asyncio.Event()

    async def __call__(self) -> range:
        self.made += 1
        self.began.set()
        failure = self.failures.pop(0) if self.failures else None
        await self.gate.wait()
        if failure is not None:
            raise failure
        return range(self.keys)


async def get(
    cached: Listings,
    store: Callable[[], Awaitable[range]],
    at: object = 0,
    caller: tuple[str | None, str] = (None, "tester"),
) -> tuple[range, bool]:
    return await cached.get(at, store, bucket="reports", caller_id=caller)


async def test_a_listing_is_kept_for_seconds() -> None:
    clock, store = FakeClock(), Store()
    cached = listings(clock)
    assert await get(cached, store) == (range(1), True)
    clock.move(KEPT_SECONDS - 0.1)
    assert await get(cached, store) == (range(1), False)
    clock.move(0.1)
    assert await get(cached, store) == (range(1), True)


async def test_a_younger_listing_can_be_asked_for() -> None:
    clock, store = FakeClock(), Store()
    cached = listings(clock)
    await get(cached, store)
    clock.move(1)
    assert (await cached.get(0, store, bucket="reports", caller_id=(None, "x"), max_age=1))[1]
    assert not (await cached.get(0, store, bucket="reports", caller_id=(None, "x"), max_age=1))[1]


async def test_listings_are_bounded_in_number() -> None:
    cached, store = listings(), Store()
    for at in range(MAX_LISTINGS + 1):
        await get(cached, store, at)
    assert len(cached._kept) == MAX_LISTINGS
    assert (await get(cached, store, MAX_LISTINGS))[1] is False
    assert (await get(cached, store, 0))[1] is True


async def test_listings_are_bounded_in_keys() -> None:
    cached, store = listings(), Store(keys=MAX_KEYS // 4)
    for at in [*range(7), 5]:
        await get(cached, store, at)
    assert sum(len(each.value) for each in cached._kept.values()) == cached._keys == MAX_KEYS
    assert [*cached._kept] == [3, 4, 5, 6]


async def test_old_listings_are_dropped() -> None:
    clock, store = FakeClock(), Store()
    cached = listings(clock)
    for at in range(3):
        await get(cached, store, at)
    clock.move(KEPT_SECONDS)
    await get(cached, store, 3)
    assert [*cached._kept] == [3]
    assert cached._keys == 1


async def waiting_for(store: Store, cached: Listings, count: int) -> list[asyncio.Task[object]]:
    """Requests of which the first makes the listing, and the others wait for it."""
    store.gate.clear()
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(get(cached, store)) for _ in range(count)
    ]
    await store.began.wait()
    await asyncio.sleep(0)
    return tasks


async def test_requests_at_once_take_one_listing() -> None:
    cached, store = listings(), Store()
    tasks = await waiting_for(store, cached, 100)
    store.gate.set()
    answers = await asyncio.gather(*tasks)
    assert store.made == 1
    assert answers == [(range(1), True)] + [(range(1), False)] * 99


async def test_a_failure_of_the_store_is_that_of_all_who_wait() -> None:
    cached, store = listings(), Store(StorageUnavailable("Away.", retry_after=3))
    tasks = await waiting_for(store, cached, 3)
    store.gate.set()
    failures = await asyncio.gather(*tasks, return_exceptions=True)
    assert store.made == 1
    assert [str(failure) for failure in failures] == ["Away."] * 3
    assert len({id(failure) for failure in failures}) == 3
    assert (await get(cached, store))[1] is True


@pytest.mark.parametrize("failure", [RateLimited("x"), Forbidden()])
async def test_a_callers_own_refusal_is_only_its_own(failure: Exception) -> None:
    cached, store = listings(), Store(failure)
    tasks = await waiting_for(store, cached, 3)
    store.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert answers == [failure, (range(1), True), (range(1), False)]


async def test_a_request_that_goes_away_leaves_the_listing_to_others() -> None:
    cached, store = listings(), Store()
    first, *others = await waiting_for(store, cached, 3)
    store.began.clear()
    first.cancel()
    await store.began.wait()
    store.gate.set()
    assert await asyncio.gather(*others) == [(range(1), True), (range(1), False)]


async def test_one_who_waits_can_go_away() -> None:
    waiting = Waiting()
    cached, store = listings(waiting=waiting), Store()
    first, second, third = await waiting_for(store, cached, 3)
    second.cancel()
    await asyncio.sleep(0)
    store.gate.set()
    assert [*await asyncio.gather(first, third)] == [(range(1), True), (range(1), False)]
    assert waiting._waiting.total() == 0


async def test_too_many_who_wait_are_refused() -> None:
    cached, store = listings(waiting=Waiting(8)), Store()
    tasks = await waiting_for(store, cached, 4)
    store.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[3], Overloaded)
    assert answers[:3] == [(range(1), True)] + [(range(1), False)] * 2


async def test_a_caller_makes_at_most_half_of_the_listings_at_once() -> None:
    cached, store = listings(), Store()
    store.gate.clear()
    half = MAX_AT_ONCE // 2
    tasks = [asyncio.create_task(get(cached, store, at)) for at in range(half + 1)]
    other = asyncio.create_task(get(cached, store, "other", (None, "other")))
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    store.gate.set()
    assert done == {tasks[half]}
    assert isinstance(tasks[half].exception(), Overloaded)
    assert await other == (range(1), True)
    assert await asyncio.gather(*tasks[:half]) == [(range(1), True)] * half
    assert await get(cached, store, half) == (range(1), True)
