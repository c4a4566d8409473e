"""Uses of links, counted in a real server that two replicas share."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from redis.asyncio import Redis

from service.concurrency.store_calls import PAUSE_SECONDS
from service.errors import ConfigurationError, Overloaded
from service.protocols.links.link_store import (
    MARGIN_SECONDS,
    MOST_LINKS,
    WINDOW_SECONDS,
    StoredLink,
    UseResult,
)
from service.protocols.links.redis_link_store import CALL_SECONDS, RedisLinkStore
from tests.protocols.links.following import ID, OTHER, stored
from tests.support.gate import gate_to
from tests.support.late import Late, again_if_late
from tests.support.valkey import Valkey, primary_and_replica, promote, wait_for_replica
from tests.support.virtual_time import FakeClock

MOMENT: Final = 0.05  # seconds of a window that soon ends


def link_of(link_id: str = ID, maker: str = "a", *, seconds: int = 3600) -> StoredLink:
    return stored(link_id, int(time.time()) + seconds, maker)


@asynccontextmanager
async def open_store(
    valkey: Valkey, clock: FakeClock | None = None, window_seconds: float = 600
) -> AsyncIterator[RedisLinkStore]:
    store = RedisLinkStore(valkey.url, clock=clock or FakeClock(), window_seconds=window_seconds)
    try:
        yield store
    finally:
        await store.close()


def operator_of(valkey: Valkey) -> Redis:
    return Redis.from_url(valkey.url, decode_responses=True)


async def use_soon(store: RedisLinkStore, *, only_look: bool = False) -> UseResult:
    """Use the link once more after its window has ended."""
    await asyncio.sleep(2 * MOMENT)
    return await store.use(link_of(), only_look=only_look)


@again_if_late
async def test_of_200_parallel_first_uses_one_opens_the_window(valkey: Valkey) -> None:
    async with open_store(valkey) as one, open_store(valkey) as other:
        await one.register(link_of(), 1)
        uses = [store.use(link_of()) for store in (one, other) for _ in range(100)]
        found = Counter(await asyncio.gather(*uses, return_exceptions=True))
    if any(isinstance(each, Overloaded) for each in found):
        raise Late
    assert found == {UseResult.OPENED: 1, UseResult.CONTINUED: 199}


async def test_a_window_counts_once_and_then_the_link_is_used_up(valkey: Valkey) -> None:
    async with open_store(valkey, window_seconds=MOMENT) as store:
        await store.register(link_of(), 2)
        assert await store.use(link_of()) is UseResult.OPENED
        assert await use_soon(store) is UseResult.OPENED
        assert await use_soon(store) is UseResult.REFUSED
        assert await store.use(link_of()) is UseResult.REFUSED


async def test_of_parallel_uses_after_the_last_window_none_passes(valkey: Valkey) -> None:
    async with open_store(valkey, window_seconds=MOMENT) as one, open_store(valkey) as other:
        await one.register(link_of(), 1)
        await one.use(link_of())
        await asyncio.sleep(2 * MOMENT)
        found = await asyncio.gather(
            *(store.use(link_of()) for store in (one, other) for _ in range(8))
        )
    assert set(found) == {UseResult.REFUSED}


async def test_a_link_that_was_never_registered_is_refused(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        assert await store.use(link_of()) is UseResult.REFUSED


async def test_each_link_has_its_own_uses(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        for link_id in (ID, OTHER):
            await store.register(link_of(link_id), 1)
            assert await store.use(link_of(link_id)) is UseResult.OPENED


async def test_a_store_that_is_down_gives_no_use(valkey: Valkey) -> None:
    clock = FakeClock()
    async with open_store(valkey, clock) as store:
        await store.register(link_of(), 1)
        valkey.stop()
        for call in (store.use(link_of()), store.register(link_of(), 1), store.revoke(link_of())):
            with pytest.raises(Overloaded) as refused:
                await call
            assert refused.value.retry_after == PAUSE_SECONDS
        valkey.start()
        clock.move(PAUSE_SECONDS)
        assert await store.use(link_of()) is UseResult.OPENED


async def test_uses_are_kept_while_the_store_restarts(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        await store.register(link_of(), 1)
        await store.use(link_of())
        valkey.stop()
        valkey.start()
        await asyncio.sleep(MOMENT)  # the event loop sees the closed connection
        assert await store.use(link_of()) is UseResult.CONTINUED


async def test_uses_go_on_at_the_successor_of_a_demoted_store(tmp_path: Path) -> None:
    """The demoted one still runs, and refuses writes. The address leads to its successor."""
    clock = FakeClock()
    with primary_and_replica(tmp_path) as (primary, successor), gate_to(primary.url) as gate:
        store = RedisLinkStore(gate.url.replace("http", "redis"), clock=clock)
        await store.register(link_of(), 1)
        wait_for_replica(primary)
        gate.lead_to(successor.port)
        promote(successor, instead_of=primary)
        with pytest.raises(Overloaded):
            await store.use(link_of())
        clock.move(PAUSE_SECONDS)
        assert await store.use(link_of()) is UseResult.OPENED
        await store.close()


async def test_a_store_that_forgets_gives_no_use(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        await store.register(link_of(), 5)
    valkey.forget()
    async with open_store(valkey) as store:
        assert await store.use(link_of()) is UseResult.REFUSED


async def test_a_store_that_hangs_is_refused_in_time(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        await store.register(link_of(), 1)
        with valkey.hanging():
            began = time.monotonic()
            with pytest.raises(Overloaded):
                await store.use(link_of())
            assert time.monotonic() - began >= CALL_SECONDS * 0.9
            with pytest.raises(Overloaded):  # it is left alone, so at once
                await store.use(link_of())


async def test_a_look_takes_no_use(valkey: Valkey) -> None:
    async with open_store(valkey, window_seconds=MOMENT) as store:
        assert await store.use(link_of(), only_look=True) is UseResult.REFUSED
        await store.register(link_of(), 1)
        for _ in range(3):
            assert await use_soon(store, only_look=True) is UseResult.OPENED
        assert await store.use(link_of()) is UseResult.OPENED
        assert await use_soon(store, only_look=True) is UseResult.REFUSED


async def test_a_look_sees_an_open_window(valkey: Valkey) -> None:
    async with open_store(valkey) as store:
        await store.register(link_of(), 1)
        await store.use(link_of())
        assert await store.use(link_of(), only_look=True) is UseResult.CONTINUED


async def test_what_is_kept_of_a_link_ends_soon_after_it(valkey: Valkey) -> None:
    """The service's clock may be late, and a missing record must not be a reason to look."""
    link = link_of()
    async with open_store(valkey) as store, operator_of(valkey) as redis:
        await store.register(link, 2)
        await store.use(link)
        keys = [str(key) async for key in redis.scan_iter()]
        assert len(keys) == 2  # its record, and what its maker has
        ends = {await redis.expiretime(key) for key in keys}
        assert ends == {link.expires_at + MARGIN_SECONDS}


async def test_what_is_used_up_is_kept_for_its_last_window_only(valkey: Valkey) -> None:
    async with open_store(valkey) as store, operator_of(valkey) as redis:
        await store.register(link_of(), 2)
        await store.use(link_of())
        [record] = [key async for key in redis.scan_iter(f"*{ID}")]
        assert await redis.ttl(record) > WINDOW_SECONDS
        await redis.hset(record, "open", 0)
        await store.use(link_of())
        assert await redis.ttl(record) <= WINDOW_SECONDS


async def filled(valkey: Valkey, kind: str) -> None:
    """Let the maker `a` have as many links as it may, of which one has just ended."""
    async with operator_of(valkey) as redis:
        ends = {f"lnk_{number}": time.time() + 3600 for number in range(MOST_LINKS - 1)}
        await redis.zadd(f"presign:{{links}}:{kind}:a", {**ends, "lnk_over": time.time() - 1})


async def test_a_maker_has_a_bounded_number_of_live_links(valkey: Valkey) -> None:
    await filled(valkey, "counted")
    async with open_store(valkey) as store:
        assert await store.register(link_of("last"), 1)
        assert not await store.register(link_of(), 1)
        assert await store.use(link_of()) is UseResult.REFUSED
        assert await store.register(link_of(maker="b"), 1)


async def test_a_bound_holds_for_parallel_calls(valkey: Valkey) -> None:
    await filled(valkey, "counted")
    await filled(valkey, "ended")
    async with open_store(valkey) as one, open_store(valkey) as other:
        links = [(store, link_of(str(number))) for number in range(8) for store in (one, other)]
        for call in (RedisLinkStore.revoke, partial(RedisLinkStore.register, max_uses=1)):
            accepted = await asyncio.gather(*(call(*each) for each in links))
            assert sum(accepted) in {1, 2}  # the same link by two replicas


async def test_what_is_revoked_or_used_up_is_live_no_longer(valkey: Valkey) -> None:
    await filled(valkey, "counted")
    async with open_store(valkey, window_seconds=MOMENT) as store:
        await store.register(link_of("revoked"), 1)
        assert await store.revoke(link_of("revoked"))
        assert await store.use(link_of("revoked")) is UseResult.REFUSED
        assert await store.register(link_of(), 1)
        assert not await store.register(link_of("more"), 1)
        await store.use(link_of())
        await asyncio.sleep(2)  # what is kept ends with a second
        assert await store.register(link_of("more"), 1)


async def test_neither_log_nor_error_shows_the_address_or_the_id(
    valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_store(valkey) as store:
        valkey.stop()
        with pytest.raises(Overloaded) as refused:
            await store.use(link_of())
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
