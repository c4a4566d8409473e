"""What a replica knows of revoked links, in virtual time."""

import asyncio
import logging
from typing import Final

import pytest

from service.errors import Overloaded
from service.protocols.links.link_store import Revoked, Use
from service.protocols.links.revocations import ANSWER_SECONDS, POLL_SECONDS
from tests.protocols.links.following import EVERYWHERE_SECONDS, HOUR, ID, OTHER, following
from tests.support.virtual_time import CLOCK_START, in_virtual_time

NOW: Final = int(CLOCK_START)


class FakeStore:
    """Raises `error`, or hangs; its attributes may be changed at any time."""

    def __init__(self) -> None:
        self.kept = list[tuple[str, float]]()
        self.error: Exception | None = None
        self.hangs = False
        self.hangs_at: int | None = None  # the first place that cannot be read
        self.reads = 0

    async def register(self, link_id: str, max_uses: int, expires_at: int) -> None: ...

    async def use(self, link_id: str) -> Use:
        raise NotImplementedError

    async def revoke(self, link_id: str, expires_at: int) -> None:
        await self._answer()
        self.kept.append((link_id, expires_at))

    async def revoked(self, after: bytes | None) -> Revoked | None:
        """One at a time."""
        await self._answer()
        place = 0 if after is None else int(after)
        if place == len(self.kept):
            return None
        if place == self.hangs_at:
            await asyncio.Event().wait()
        self.reads += 1
        link_id, expires_at = self.kept[place]
        return Revoked({link_id: expires_at}, str(place + 1).encode())

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


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
        store.kept = [("", 0.0)]
        await store.revoke(OTHER, NOW + 2 * HOUR)
        await polled()
        assert replica.is_revoked(ID)
        await asyncio.sleep(HOUR)
        await store.revoke(OTHER, NOW + 2 * HOUR)
        await polled()
        assert not replica.is_revoked(ID)  # it is over anyway, and takes no memory
        assert replica.is_revoked(OTHER)


@in_virtual_time
async def test_each_revocation_is_read_once() -> None:
    store = FakeStore()
    async with following(store) as replica:
        for _ in range(3):
            await store.revoke(ID, NOW + HOUR)
        await store.revoke(OTHER, NOW + HOUR)
        await asyncio.sleep(60)
        assert replica.is_revoked(OTHER)
        assert store.reads == 4


@in_virtual_time
async def test_a_replica_serves_no_link_before_it_has_read_all() -> None:
    store = FakeStore()
    store.hangs_at = 1
    for link_id in (OTHER, ID):
        await store.revoke(link_id, NOW + HOUR)
    async with following(store) as replica:
        await asyncio.sleep(60)
        assert store.reads == 1
        with pytest.raises(Overloaded):
            replica.is_revoked(ID)
        store.hangs_at = None
        await polled()
        assert replica.is_revoked(ID)


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
