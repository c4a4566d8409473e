"""A call has a place among few, and gives it back whatever becomes of it."""

import asyncio
from typing import Any, Final

import httpx
import pytest

from service.errors import Overloaded
from service.s3.client import (
    CALLS,
    CALLS_A_BUCKET,
    COMPLETIONS,
    COMPLETIONS_A_BUCKET,
    SLOT_WAIT_SECONDS,
)
from service.signing.multipart_actions import CompleteMultipartUpload
from tests.s3.fake_store import (
    House,
    Say,
    Trickle,
    a_house,
    error,
    fails,
    failure,
    hangs,
    says,
    trickles,
)
from tests.support.fakes import in_virtual_time

COMPLETION: Final = CompleteMultipartUpload(upload_id="u", content_length=5)


async def busy(house: House, number: int, bucket: str, **more: Any) -> list[asyncio.Task[Any]]:
    """So many calls that hang."""
    more = {"seconds": 1000.0, **more}
    tasks = [asyncio.ensure_future(house.send(bucket, **more)) for _ in range(number)]
    await asyncio.sleep(0.01)
    return tasks


async def let_go(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def by_bucket(house: House) -> None:
    """Only `quick` answers."""

    async def say(request: httpx.Request) -> httpx.Response:
        return await (says() if request.url.path == "/quick" else hangs)(request)

    house.store.words = [say]


@in_virtual_time
async def test_a_bucket_that_hangs_holds_up_no_other() -> None:
    async with a_house() as house:
        by_bucket(house)
        tasks = await busy(house, CALLS_A_BUCKET + 8, "stuck")
        assert len(house.store.asked) == CALLS_A_BUCKET
        began = house.clock.boot()
        await house.send("other", "quick")
        assert house.clock.boot() - began < 0.01
        await let_go(tasks)


@in_virtual_time
async def test_who_gets_no_place_within_two_seconds_is_told_to_come_back() -> None:
    async with a_house() as house:
        by_bucket(house)
        tasks = await busy(house, CALLS_A_BUCKET, "stuck")
        began = house.clock.boot()
        to_domain_error = await failure(house.send("stuck", "quick"))
        assert isinstance(to_domain_error, Overloaded)
        assert to_domain_error.retry_after == 1
        assert house.clock.boot() - began == pytest.approx(SLOT_WAIT_SECONDS, abs=0.01)
        assert house.observer.calls == [("stuck", "HeadObject", "overloaded")]
        assert len(house.store.asked) == CALLS_A_BUCKET
        await let_go(tasks)


@in_virtual_time
async def test_all_buckets_together_have_so_many_places() -> None:
    async with a_house() as house:
        by_bucket(house)
        names = [f"b{n}" for n in range(CALLS // CALLS_A_BUCKET)]
        tasks = [each for name in names for each in await busy(house, CALLS_A_BUCKET, name)]
        assert len(house.store.asked) == CALLS
        refused = await asyncio.gather(
            *(failure(house.send("c", "quick")) for _ in range(CALLS_A_BUCKET))
        )
        assert {type(each) for each in refused} == {Overloaded}
        assert len(house.store.asked) == CALLS
        await let_go(tasks)
        # Whoever waited in vain has given back the place of the bucket that it had.
        await asyncio.gather(*(house.send("c", "quick") for _ in range(CALLS_A_BUCKET)))


@in_virtual_time
async def test_completions_that_take_minutes_hold_up_nothing_else() -> None:
    async with a_house() as house:
        by_bucket(house)
        tasks = await busy(house, COMPLETIONS_A_BUCKET, "reports", action=COMPLETION)
        assert len(house.store.asked) == COMPLETIONS_A_BUCKET
        began = house.clock.boot()
        await asyncio.gather(*(house.send("reports", "quick") for _ in range(CALLS_A_BUCKET)))
        assert house.clock.boot() - began < 0.01
        to_domain_error = await failure(house.send("reports", "quick", action=COMPLETION))
        assert isinstance(to_domain_error, Overloaded)
        await let_go(tasks)


@in_virtual_time
async def test_the_completions_of_all_buckets_together_leave_the_rest_its_places() -> None:
    async with a_house() as house:
        by_bucket(house)
        tasks = []
        for name in (f"b{n}" for n in range(CALLS // COMPLETIONS_A_BUCKET)):
            tasks += await busy(house, COMPLETIONS_A_BUCKET, name, action=COMPLETION)
        assert len(house.store.asked) == COMPLETIONS
        began = house.clock.boot()
        await house.send("other", "quick")
        assert house.clock.boot() - began < 0.01
        to_domain_error = await failure(house.send("other", "quick", action=COMPLETION))
        assert isinstance(to_domain_error, Overloaded)
        await let_go(tasks)
        await house.send("other", "quick", action=COMPLETION)


@in_virtual_time
async def test_nothing_else_holds_up_completions() -> None:
    async with a_house() as house:
        by_bucket(house)
        tasks = await busy(house, CALLS_A_BUCKET, "reports")
        began = house.clock.boot()
        sent = (house.send("reports", "quick", action=COMPLETION) for _ in range(16))
        await asyncio.gather(*sent)
        assert house.clock.boot() - began < 0.01
        await let_go(tasks)


@in_virtual_time
async def test_a_place_that_comes_free_in_time_is_taken() -> None:
    async with a_house() as house:
        by_bucket(house)
        tasks = await busy(house, CALLS_A_BUCKET, "stuck")
        waiting = asyncio.ensure_future(house.send("stuck", "quick"))
        await asyncio.sleep(SLOT_WAIT_SECONDS - 0.1)
        tasks[0].cancel()
        await waiting
        await let_go(tasks)


@pytest.mark.parametrize(
    "word", [fails(), error(403, "AccessDenied"), hangs, trickles(Trickle(b""))]
)
@in_virtual_time
async def test_a_call_that_fails_gives_its_place_back(word: Say) -> None:
    async with a_house(word) as house:
        await asyncio.gather(*(failure(house.send()) for _ in range(CALLS_A_BUCKET)))
        house.store.words = [says()]
        await asyncio.gather(*(house.send() for _ in range(CALLS_A_BUCKET)))


@pytest.mark.parametrize("number", [CALLS_A_BUCKET, CALLS_A_BUCKET + 20])
@in_virtual_time
async def test_callers_who_go_away_give_their_places_back_those_who_wait_too(number: int) -> None:
    async with a_house(hangs) as house:
        tasks = await busy(house, number, "reports")
        await let_go(tasks)
        assert all(task.cancelled() for task in tasks)
        assert house.observer.calls == [("reports", "HeadObject", "cancelled")] * number
        house.store.words = [says()]
        began = house.clock.boot()
        await asyncio.gather(*(house.send() for _ in range(CALLS_A_BUCKET)))
        assert house.clock.boot() - began < 0.01
