"""Uses of links, counted in a real server that two replicas share."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from redis.asyncio import Redis

from service.concurrency.store_calls import PAUSE_SECONDS
from service.errors import ConfigurationError, Overloaded
from service.protocols.links.link_store import Use
from service.protocols.links.redis_link_store import CALL_SECONDS, RedisLinkStore
from tests.support.gate import gate_to
from tests.support.late import Late, again_if_late
from tests.support.valkey import Valkey, primary_and_replica, promote, wait_for_replica
from tests.support.virtual_time import FakeClock

ID: Final = "lnk_AAAAAAAAAAAAAAAAAAAAAAAA"
MOMENT: Final = 0.05  # seconds of a window that soon ends


def end() -> int:
    return int(time.time()) + 3600


@asynccontextmanager
async def open_store(
    valkey: Valkey, clock: FakeClock | None = None, window_seconds: float = 600
) -> AsyncIterator[RedisLinkStore]:
    store = RedisLinkStore(valkey.url, clock=clock or FakeClock(), window_seconds=window_seconds)
    try:
        yield store
    finally:
        await store.close()


async def use_soon(store: RedisLinkStore) -> Use:
    """Use the link once more after its window has ended."""
    await asyncio.sleep(2 * MOMENT)
    return await store.use(ID)


@again_if_late
async def test_of_200_parallel_first_uses_one_opens_the_window(valkey: Valkey) -> None:
    async with open_store(valkey) as one, open_store(valkey) as other:
        await one.register(ID, 1, end())
        uses = [store.use(ID) for store in (one, other) for _ in range(100)]
        found = Counter(await asyncio.gather(*uses, return_exceptions=True))
    if any(isinstance(each, Overloaded) for each in found):
        raise Late
    assert found == {Use.OPENED: 1, Use.CONTINUED: 199}


async def test_a_window_counts_once_and_then_the_link_is_used_up(valkey: Valkey) -> None:
    async with open_store(valkey, window_seconds=MOMENT) as store:
        await store.register(ID, 2, end())
        assert await store.use(ID) is Use.OPENED
        assert await use_soon(store) is Use.OPENED
        assert await use_soon(store) is Use.REFUSED
        assert await store.use(ID) is Use.REFUSED


async def test_of_parallel_uses_after_the_last_window_none_passes(valkey: Valkey) -> None:
    async with open_store(valkey, window_seconds=MOMENT) as one, open_store(valkey) as other:
        await one.register(ID, 1, end())
        await one.use(ID)
        await asyncio.sleep(2 * MOMENT)
        found = await asyncio.gather(*(store.use(ID) for store in (one, other) for _ in range(8)))
    assert set(found) == {Use.REFUSED}


async def test_a_link_that_was_never_registered_is_refused(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        assert await store.use(ID) is Use.REFUSED


async def test_each_link_has_its_own_uses(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        for link_id in (ID, f"{ID}B"):
            await store.register(link_id, 1, end())
            assert await store.use(link_id) is Use.OPENED


async def test_a_store_that_is_down_gives_no_use(valkey: Valkey) -> None:
    clock = FakeClock()
    async with open_store(valkey, clock) as store:
        await store.register(ID, 1, end())
        valkey.stop()
        for call in (store.use(ID), store.register(ID, 1, end()), store.revoke(ID, end())):
            with pytest.raises(Overloaded) as refused:
                await call
            assert refused.value.retry_after == PAUSE_SECONDS
        valkey.start()
        clock.move(PAUSE_SECONDS)
        assert await store.use(ID) is Use.OPENED


async def test_uses_are_kept_while_the_store_restarts(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        await store.register(ID, 1, end())
        await store.use(ID)
        valkey.stop()
        valkey.start()
        await asyncio.sleep(MOMENT)  # the event loop sees the closed connection
        assert await store.use(ID) is Use.CONTINUED


async def test_uses_go_on_at_the_successor_of_a_demoted_store(tmp_path: Path) -> None:
    """The demoted one still runs, and refuses writes. The address leads to its successor."""
    clock = FakeClock()
    with primary_and_replica(tmp_path) as (primary, successor), gate_to(primary.url) as gate:
        store = RedisLinkStore(gate.url.replace("http", "redis"), clock=clock)
        await store.register(ID, 1, end())
        wait_for_replica(primary)
        gate.lead_to(successor.port)
        promote(successor, instead_of=primary)
        with pytest.raises(Overloaded):
            await store.use(ID)
        clock.move(PAUSE_SECONDS)
        assert await store.use(ID) is Use.OPENED
        await store.close()


async def test_a_store_that_forgets_gives_no_use(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        await store.register(ID, 5, end())
    valkey.forget()
    async with open_store(valkey) as store:
        assert await store.use(ID) is Use.REFUSED


async def test_a_store_that_hangs_is_refused_in_time(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        await store.register(ID, 1, end())
        with valkey.hanging():
            began = time.monotonic()
            with pytest.raises(Overloaded):
                await store.use(ID)
            assert time.monotonic() - began >= CALL_SECONDS * 0.9
            with pytest.raises(Overloaded):  # it is left alone, so at once
                await store.use(ID)


async def test_a_record_outlives_its_link_by_a_day(valkey: Valkey) -> None:
    """The service's clock may be late, and a missing record must not be a reason to look."""
    expires_at = end()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(valkey))
        redis = await stack.enter_async_context(Redis.from_url(valkey.url, decode_responses=True))
        await store.register(ID, 1, expires_at)
        await store.use(ID)
        [key] = map(str, await redis.keys("*"))
        assert await redis.expiretime(key) == expires_at + 86_400


async def test_neither_log_nor_error_shows_the_address_or_the_id(
    valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_store(valkey) as store:
        valkey.stop()
        with pytest.raises(Overloaded) as refused:
            await store.use(ID)
    assert "store of links fails" in caplog.text
    for shown in (caplog.text, str(refused.value), repr(store)):
        assert ID not in shown
        assert str(valkey.port) not in shown
    assert not [each for each in caplog.records if each.levelno > logging.WARNING]


def test_an_invalid_url_is_named_by_its_setting() -> None:
    with pytest.raises(ConfigurationError) as refused:
        RedisLinkStore("redis://:sentinel/x@uses:6379", clock=FakeClock())
    assert "links.store_url" in str(refused.value)
    assert "sentinel" not in str(refused.value)
