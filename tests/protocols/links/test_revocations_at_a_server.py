"""What a replica knows of revoked links, at a real server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from redis.asyncio import Redis

from service.access.grants import LONGEST_LINK
from service.clock import SystemClock
from service.errors import Overloaded
from service.protocols.links.redis_link_store import RedisLinkStore
from service.protocols.links.revocations import Revocations
from tests.protocols.links.following import EVERYWHERE_SECONDS, HOUR, ID, OTHER, following
from tests.support.late import again_if_late, within
from tests.support.valkey import Valkey

THIRD: Final = "lnk_CCCCCCCCCCCCCCCCCCCCCCCC"
STREAM: Final = "presign:{links}:revocations"


@asynccontextmanager
async def replica_of(valkey: Valkey) -> AsyncIterator[Revocations]:
    store = RedisLinkStore(valkey.url, clock=SystemClock())
    try:
        async with following(store, SystemClock()) as replica:
            await until_known(replica)
            yield replica
    finally:
        await store.close()


async def until_known(replica: Revocations) -> None:
    while True:
        try:
            replica.is_revoked(ID)
        except Overloaded:
            await asyncio.sleep(0.01)
        else:
            return


@again_if_late
async def test_at_a_real_server_a_link_is_dead_everywhere_in_2_seconds(valkey: Valkey) -> None:
    expires_at = int(time.time()) + HOUR
    async with replica_of(valkey) as one, replica_of(valkey) as other:
        assert not other.is_revoked(ID)
        with within(EVERYWHERE_SECONDS):
            await one.revoke(ID, expires_at)
            while not other.is_revoked(ID):  # noqa: ASYNC110 - another replica's doing
                await asyncio.sleep(0.01)
        assert not other.is_revoked(OTHER)


async def test_at_a_real_server_revocations_outlive_replicas_and_the_server(valkey: Valkey) -> None:
    async with replica_of(valkey) as replica:
        await replica.revoke(ID, int(time.time()) + HOUR)
    valkey.stop()
    valkey.start()
    async with replica_of(valkey) as replica:
        assert replica.is_revoked(ID)


async def test_at_a_real_server_each_revocation_comes_in_its_turn(valkey: Valkey) -> None:
    expires_at = int(time.time()) + HOUR
    store, last = RedisLinkStore(valkey.url, clock=SystemClock()), None
    assert await store.revoked(last) is None
    for link_id in (ID, OTHER, OTHER, ID):
        await store.revoke(link_id, expires_at)
        found = await store.revoked(last)
        assert found is not None
        assert found.ends == {link_id: expires_at}
        last = found.last
        assert await store.revoked(last) is None
    found = await store.revoked(None)
    assert found is not None
    assert (set(found.ends), found.last) == ({ID, OTHER}, last)
    await store.close()


async def test_at_a_real_server_any_number_is_read_in_pages(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as redis, redis.pipeline() as pipe:
        for number in range(450):
            pipe.xadd(STREAM, {"id": f"lnk_{number:024}", "end": int(time.time()) + HOUR})
        await pipe.execute()
    store, last, sizes = RedisLinkStore(valkey.url, clock=SystemClock()), None, list[int]()
    while (found := await store.revoked(last)) is not None:
        last = found.last
        sizes.append(len(found.ends))
    assert sizes == [200, 200, 50]
    await store.close()


async def test_at_a_real_server_what_is_older_than_any_link_is_dropped(valkey: Valkey) -> None:
    now = int(time.time())
    async with Redis.from_url(valkey.url) as redis:
        for age, link_id in ((LONGEST_LINK + 86_500, ID), (LONGEST_LINK + 86_300, OTHER)):
            place = f"{now - age}000-0"
            await redis.xadd(STREAM, {"id": link_id, "end": now}, id=place)
    store = RedisLinkStore(valkey.url, clock=SystemClock())
    await store.revoke(THIRD, now)
    found = await store.revoked(None)
    assert found is not None
    assert set(found.ends) == {OTHER, THIRD}
    await store.close()
