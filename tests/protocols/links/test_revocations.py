"""What a replica knows of revoked links, in virtual time, and at a real server."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
from redis.asyncio import Redis

from service.clock import Clock, SystemClock
from service.errors import Overloaded
from service.protocols.links.records import LinkStore, Revoked, Use
from service.protocols.links.revocations import (
    ANSWER_SECONDS,
    POLL_SECONDS,
    Revocations,
)
from service.protocols.links.store import RedisLinks
from tests.support.late import again_if_late, within
from tests.support.valkey import Valkey
from tests.support.virtual_time import CLOCK_START, in_virtual_time, loop_clock

ID: Final = "lnk_AAAAAAAAAAAAAAAAAAAAAAAA"
OTHER: Final = "lnk_BBBBBBBBBBBBBBBBBBBBBBBB"
HOUR: Final = 3600
NOW: Final = int(CLOCK_START)
EVERYWHERE_SECONDS: Final = 2.0


class FakeStore:
    """Raises `error`, or hangs; its attributes may be changed at any time."""

    def __init__(self) -> None:
        self.ends = dict[str, float]()
        self.changes = 0
        self.error: Exception | None = None
        self.hangs = False
        self.reads = 0

    async def register(self, link_id: str, max_uses: int, expires_at: int) -> None: ...

    async def use(self, link_id: str) -> Use:
        raise NotImplementedError

    async def revoke(self, link_id: str, expires_at: int) -> None:
        await self._answer()
        self.ends[link_id] = expires_at
        self.changes += 1

    async def revoked(self, change: bytes | None) -> Revoked | None:
        await self._answer()
        current = str(self.changes).encode()
        if current == change:
            return None
        self.reads += 1
        return Revoked(dict(self.ends), current)

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


@asynccontextmanager
async def following(
    store: LinkStore, clock: Clock | None = None, on_failure: Callable[[], None] | None = None
) -> AsyncIterator[Revocations]:
    revocations = Revocations(
        store, clock=clock or loop_clock(), on_failure=on_failure or (lambda: None)
    )
    revocations.start()
    try:
        yield revocations
    finally:
        await revocations.stop()


async def polled() -> None:
    await asyncio.sleep(POLL_SECONDS + ANSWER_SECONDS)


@in_virtual_time
async def test_a_revocation_reaches_every_replica_in_time() -> None:
    store = FakeStore()
    async with following(store) as one, following(store) as other:
        await polled()
        await one.revoke(ID, NOW + HOUR)
        assert one.is_revoked(ID)
        await asyncio.sleep(EVERYWHERE_SECONDS)
        assert other.is_revoked(ID)
        assert not other.is_revoked(OTHER)


@in_virtual_time
async def test_one_failed_poll_still_leaves_time_for_the_next() -> None:
    store = FakeStore()
    async with following(store) as replica:
        await polled()
        await store.revoke(ID, NOW + HOUR)
        store.hangs = True
        await asyncio.sleep(POLL_SECONDS)
        store.hangs = False
        await asyncio.sleep(EVERYWHERE_SECONDS - POLL_SECONDS)
        assert replica.is_revoked(ID)


@pytest.mark.parametrize("hangs", [True, False])
@in_virtual_time
async def test_while_the_store_is_away_the_set_last_seen_counts(*, hangs: bool) -> None:
    store = FakeStore()
    await store.revoke(ID, NOW + HOUR)
    async with following(store) as replica:
        await polled()
        store.hangs, store.error = hangs, ConnectionError()
        await asyncio.sleep(600)
        assert replica.is_revoked(ID)
        assert not replica.is_revoked(OTHER)
        store.hangs, store.error = False, None
        await store.revoke(OTHER, NOW + HOUR)
        await asyncio.sleep(EVERYWHERE_SECONDS)
        assert replica.is_revoked(OTHER)


@in_virtual_time
async def test_each_failed_read_is_counted() -> None:
    store, failed = FakeStore(), list[None]()
    async with following(store, on_failure=lambda: failed.append(None)):
        await polled()
        assert failed == []
        store.error = ConnectionError()
        await asyncio.sleep(10 * POLL_SECONDS)
    assert len(failed) == 10


@in_virtual_time
async def test_a_replica_that_never_saw_the_store_serves_no_link() -> None:
    store = FakeStore()
    store.error = ConnectionError()
    async with following(store) as replica:
        await asyncio.sleep(60)
        with pytest.raises(Overloaded) as refused:
            replica.is_revoked(ID)
        assert refused.value.retry_after == 1
        store.error = None
        await polled()
        assert not replica.is_revoked(ID)


@in_virtual_time
async def test_what_the_store_lost_stays_revoked_until_the_link_ends() -> None:
    store = FakeStore()
    await store.revoke(ID, NOW + HOUR)
    async with following(store) as replica:
        await polled()
        store.ends.clear()
        await store.revoke(OTHER, NOW + 2 * HOUR)
        await polled()
        assert replica.is_revoked(ID)
        await asyncio.sleep(HOUR)
        await store.revoke(OTHER, NOW + 2 * HOUR)
        await polled()
        assert not replica.is_revoked(ID)  # it is over anyway, and takes no memory
        assert replica.is_revoked(OTHER)


@in_virtual_time
async def test_the_set_is_read_only_if_it_changed() -> None:
    store = FakeStore()
    async with following(store):
        await asyncio.sleep(60)
        assert store.reads == 1
        await store.revoke(ID, NOW + HOUR)
        await asyncio.sleep(60)
        assert store.reads == 2


@in_virtual_time
async def test_a_revocation_that_is_not_kept_is_no_revocation() -> None:
    store = FakeStore()
    async with following(store) as replica:
        await polled()
        store.error = Overloaded("The store of links is out of reach.")
        with pytest.raises(Overloaded):
            await replica.revoke(ID, NOW + HOUR)
        assert not replica.is_revoked(ID)


@pytest.mark.parametrize("times", [1, 3])
def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture, times: int) -> None:
    caplog.set_level(logging.INFO)

    @in_virtual_time
    async def main() -> None:
        store = FakeStore()
        async with following(store):
            for _ in range(times):
                store.error = ConnectionError("sentinel:6379")
                await asyncio.sleep(30)
                store.error = None
                await asyncio.sleep(30)

    main()
    logged = [each.getMessage() for each in caplog.records if each.name.startswith("service")]
    assert logged == times * [
        "the revoked links cannot be read, those seen last count: ConnectionError",
        "the revoked links can be read again",
    ]


@asynccontextmanager
async def replica_of(valkey: Valkey) -> AsyncIterator[Revocations]:
    store = RedisLinks(valkey.url, clock=SystemClock())
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


async def test_at_a_real_server_each_revocation_is_a_change(valkey: Valkey) -> None:
    expires_at = int(time.time()) + HOUR
    store = RedisLinks(valkey.url, clock=SystemClock())
    found: Revoked | None = None
    for link_id in (ID, OTHER, OTHER, ID):
        await store.revoke(link_id, expires_at)
        found = await store.revoked(None if found is None else found.change)
        assert found is not None
        assert await store.revoked(found.change) is None
        assert found.ends[link_id] == expires_at
    assert found is not None
    assert set(found.ends) == {ID, OTHER}
    await store.close()


async def test_at_a_real_server_what_ended_a_day_ago_is_dropped(valkey: Valkey) -> None:
    now = int(time.time())
    store = RedisLinks(valkey.url, clock=SystemClock())
    await store.revoke(ID, now - 86_500)
    await store.revoke(OTHER, now - 86_300)
    found = await store.revoked(None)
    assert found is not None
    assert set(found.ends) == {OTHER}
    await store.close()
    async with Redis.from_url(valkey.url) as redis:
        assert len(await redis.keys("*")) == 2
