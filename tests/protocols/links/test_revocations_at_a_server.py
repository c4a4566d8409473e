"""What a replica knows of revoked links, at a real server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from redis.asyncio import Redis

from service.clock import SystemClock
from service.errors import Overloaded
from service.protocols.links.link_store import MARGIN_SECONDS, MOST_LINKS, StoredLink
from service.protocols.links.redis_link_store import PAGE, RedisLinkStore
from service.protocols.links.revocations import Revocations
from tests.protocols.links.following import (
    EVERYWHERE_SECONDS,
    HOUR,
    ID,
    OTHER,
    following,
    stored,
)
from tests.support.late import again_if_late, within
from tests.support.valkey import Valkey
from tests.support.waiting import until

KEYS: Final = "presign:{links}:"
BY_END, BY_CURSOR = f"{KEYS}revoked-by-end", f"{KEYS}revoked-by-cursor"


def link_of(link_id: str = ID, maker: str = "a", *, seconds: int = HOUR) -> StoredLink:
    return stored(link_id, int(time.time()) + seconds, maker)


@asynccontextmanager
async def open_store(valkey: Valkey) -> AsyncIterator[RedisLinkStore]:
    store = RedisLinkStore(valkey.url, clock=SystemClock())
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def replica_of(valkey: Valkey) -> AsyncIterator[Revocations]:
    async with open_store(valkey) as store, following(store, SystemClock()) as replica:
        await until_known(replica)
        yield replica


async def until_known(replica: Revocations) -> None:
    while True:
        try:
            replica.is_revoked(ID, 0)
        except Overloaded:
            await asyncio.sleep(0.01)
        else:
            return


async def all_revoked(store: RedisLinkStore) -> list[str]:
    """Return the ids of all revocations, in their order."""
    last, ids = None, list[str]()
    while (found := await store.revoked(last)) is not None:
        last = found.last
        ids += found.ends
    return ids


@again_if_late
async def test_at_a_real_server_a_link_is_dead_everywhere_in_2_seconds(valkey: Valkey) -> None:
    link = link_of()
    async with replica_of(valkey) as one, replica_of(valkey) as other:
        assert not other.is_revoked(ID, link.expires_at)
        with within(EVERYWHERE_SECONDS):
            await one.revoke(link)
            await until(lambda: other.is_revoked(ID, link.expires_at))
        assert not other.is_revoked(OTHER, link.expires_at)


async def test_at_a_real_server_revocations_outlive_replicas_and_the_server(valkey: Valkey) -> None:
    link = link_of()
    async with replica_of(valkey) as replica:
        await replica.revoke(link)
    valkey.stop()
    valkey.start()
    async with replica_of(valkey) as replica:
        assert replica.is_revoked(ID, link.expires_at)


async def test_at_a_real_server_each_revocation_comes_once_in_its_turn(valkey: Valkey) -> None:
    last = None
    async with open_store(valkey) as store:
        assert await store.revoked(last) is None
        for link in (link_of(), link_of(OTHER, seconds=60)):
            assert await store.revoke(link)
            assert await store.revoke(link)
            found = await store.revoked(last)
            assert found is not None
            assert found.ends == {link.id: link.expires_at}
            last = found.last
            assert await store.revoked(last) is None
        assert await all_revoked(store) == [ID, OTHER]


async def test_at_a_real_server_any_number_is_read_in_pages(valkey: Valkey) -> None:
    numbered = {f"lnk_{number}": number for number in range(2 * PAGE + 50)}
    async with Redis.from_url(valkey.url) as redis:
        await redis.zadd(BY_CURSOR, numbered)
        await redis.zadd(BY_END, dict.fromkeys(numbered, time.time() + HOUR))
    sizes, last = list[int](), None
    async with open_store(valkey) as store:
        while (found := await store.revoked(last)) is not None:
            last = found.last
            sizes.append(len(found.ends))
    assert sizes == [PAGE, PAGE, 50]


@pytest.mark.slow
async def test_at_a_real_server_one_link_ended_10_000_times_is_one_entry(valkey: Valkey) -> None:
    link = link_of()
    async with replica_of(valkey) as one, replica_of(valkey) as other:
        for _ in range(5000):
            assert await one.revoke(link)
            assert await other.revoke(link)
    async with Redis.from_url(valkey.url) as redis:
        used = {await redis.zcard(key) async for key in redis.scan_iter(_type="zset")}
        assert used == {1}


async def test_at_a_real_server_a_revocation_ends_with_its_link(valkey: Valkey) -> None:
    over = link_of(seconds=-MARGIN_SECONDS - 1)
    soon = over._replace(id=OTHER, expires_at=over.expires_at + 60)
    async with open_store(valkey) as store, Redis.from_url(valkey.url) as redis:
        assert await store.revoke(over)
        assert await store.revoke(soon)
        assert await all_revoked(store) == [OTHER]
        lasts = [await redis.expiretime(key) async for key in redis.scan_iter("*:ended:*")]
    assert lasts == [soon.expires_at + MARGIN_SECONDS]


async def test_at_a_real_server_a_maker_has_a_bounded_number_of_revocations(valkey: Valkey) -> None:
    ends = {f"lnk_{number}": time.time() + HOUR for number in range(MOST_LINKS - 1)}
    async with open_store(valkey) as store, Redis.from_url(valkey.url) as redis:
        await redis.zadd(f"{KEYS}ended:a", {**ends, "lnk_over": time.time() - 1})
        assert await store.revoke(link_of())
        assert await store.revoke(link_of())
        assert not await store.revoke(link_of(OTHER))
        assert await store.revoke(link_of(OTHER, maker="b"))
        assert await all_revoked(store) == [ID, OTHER]


async def test_at_a_real_server_places_grow_though_its_clock_steps_back(valkey: Valkey) -> None:
    later = (int(time.time()) + HOUR) * 1_000_000
    async with open_store(valkey) as store, Redis.from_url(valkey.url) as redis:
        await redis.set(f"{KEYS}last-cursor", later)
        await store.revoke(link_of())
        assert await redis.zscore(BY_CURSOR, ID) == later + 1
