"""What a replica knows of revoked links, in virtual time."""

import asyncio
import logging
from ssl import SSLCertVerificationError
from typing import Final

import pytest

from service.errors import Overloaded
from service.protocols.links.link_store import (
    SLOT_SECONDS,
    ListPage,
    RevokedPage,
    StoredLink,
    UseResult,
)
from service.protocols.links.revocations import ANSWER_SECONDS, POLL_SECONDS, Revocations
from tests.protocols.links.following import (
    EVERYWHERE_SECONDS,
    HOUR,
    ID,
    MAKER,
    OTHER,
    following,
    stored,
)
from tests.protocols.links.steps import steps
from tests.support.virtual_time import CLOCK_START, in_virtual_time

NOW: Final = int(CLOCK_START)
LINK: Final = stored(ID, NOW + HOUR)
LATER: Final = stored(OTHER, NOW + 2 * HOUR)


class FakeStore:
    """Raises `error`, or hangs; its attributes may be changed at any time."""

    def __init__(self) -> None:
        self.kept = list[StoredLink]()
        self.error: Exception | None = None
        self.hangs = False
        self.hangs_at: int | None = None  # the first place that cannot be read
        self.reads = 0

    async def register(self, link: StoredLink, max_uses: int) -> bool:
        raise NotImplementedError

    async def use(self, link: StoredLink, *, only_look: bool = False) -> UseResult:
        raise NotImplementedError

    async def keep(self, link: StoredLink, sealed: bytes) -> bool:
        raise NotImplementedError

    async def listed(self, maker: str, before: int | None) -> ListPage:
        raise NotImplementedError

    async def revoke(self, link: StoredLink) -> bool:
        await self._answer()
        self.kept.append(link)
        return link.maker == MAKER

    async def revoked(self, after: bytes | None) -> RevokedPage | None:
        """One at a time."""
        await asyncio.sleep(0)
        await self._answer()
        place = 0 if after is None else int(after)
        if place == len(self.kept):
            return None
        if place == self.hangs_at:
            await asyncio.Event().wait()
        self.reads += 1
        link = self.kept[place]
        return RevokedPage({link.id: link.expires_at}, str(place + 1).encode())

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


def is_revoked(replica: Revocations, link: StoredLink) -> bool:
    return replica.is_revoked(link.id, link.expires_at)


async def polled() -> None:
    await asyncio.sleep(POLL_SECONDS + ANSWER_SECONDS)


@in_virtual_time
async def test_a_revocation_reaches_every_replica_in_time() -> None:
    store = FakeStore()
    async with following(store) as one, following(store) as other:
        await polled()
        await one.revoke(LINK)
        assert is_revoked(one, LINK)
        await asyncio.sleep(EVERYWHERE_SECONDS)
        assert is_revoked(other, LINK)
        assert not is_revoked(other, LATER)


@in_virtual_time
async def test_one_failed_poll_still_leaves_time_for_the_next() -> None:
    store = FakeStore()
    async with following(store) as replica:
        await polled()
        await store.revoke(LINK)
        store.hangs = True
        await asyncio.sleep(POLL_SECONDS)
        store.hangs = False
        await asyncio.sleep(EVERYWHERE_SECONDS - POLL_SECONDS)
        assert is_revoked(replica, LINK)


@pytest.mark.parametrize("hangs", [True, False])
@in_virtual_time
async def test_while_the_store_is_away_the_set_last_seen_counts(*, hangs: bool) -> None:
    store = FakeStore()
    await store.revoke(LINK)
    async with following(store) as replica:
        await polled()
        store.hangs, store.error = hangs, ConnectionError()
        await asyncio.sleep(600)
        assert is_revoked(replica, LINK)
        assert not is_revoked(replica, LATER)
        store.hangs, store.error = False, None
        await store.revoke(LATER)
        await asyncio.sleep(EVERYWHERE_SECONDS)
        assert is_revoked(replica, LATER)


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
            is_revoked(replica, LINK)
        assert refused.value.retry_after == 1
        store.error = None
        await polled()
        assert not is_revoked(replica, LINK)


@in_virtual_time
async def test_what_the_store_lost_stays_revoked_until_the_link_ends() -> None:
    store = FakeStore()
    await store.revoke(LINK)
    async with following(store) as replica:
        await polled()
        store.kept = [stored("", 0)]
        await store.revoke(LATER)
        await polled()
        assert is_revoked(replica, LINK)
        await asyncio.sleep(HOUR + SLOT_SECONDS)
        assert not is_revoked(replica, LINK)  # it is over anyway, and takes no memory
        assert is_revoked(replica, LATER)


@in_virtual_time
async def test_a_refused_revocation_ends_no_link() -> None:
    refused = stored(ID, NOW + HOUR, maker="has too many")
    async with following(FakeStore()) as replica:
        await polled()
        assert not await replica.revoke(refused)
        assert not is_revoked(replica, refused)


@in_virtual_time
async def test_what_is_over_when_it_is_read_takes_no_memory() -> None:
    store = FakeStore()
    await store.revoke(stored(ID, NOW))
    async with following(store) as replica:
        await polled()
        assert not replica.is_revoked(ID, NOW)


@in_virtual_time
async def test_a_new_revocation_costs_the_same_beside_many() -> None:
    lines = []
    for number in (1, 5000):
        store = FakeStore()
        store.kept = [stored(str(each), NOW + HOUR + each) for each in range(number)]
        async with following(store) as replica:
            await polled()
            await store.revoke(LINK)
            lines.append(await steps(replica._poll))
            assert is_revoked(replica, LINK)
    assert lines[1] <= lines[0] + 10


@in_virtual_time
async def test_a_start_waits_for_no_revocation() -> None:
    store = FakeStore()
    store.hangs = True
    began = asyncio.get_running_loop().time()
    async with following(store) as replica:
        assert asyncio.get_running_loop().time() == began
        assert not replica.has_looked
        await polled()
        assert replica.has_looked  # in vain


@in_virtual_time
async def test_a_replica_has_looked_when_all_is_read() -> None:
    store = FakeStore()
    for number in range(100):
        await store.revoke(stored(str(number), NOW + HOUR))
    async with following(store) as replica:
        while not replica.has_looked:
            with pytest.raises(Overloaded):
                is_revoked(replica, LINK)
            await asyncio.sleep(0)
        assert store.reads == 100


@in_virtual_time
async def test_an_interrupted_read_goes_on_where_it_was_for_a_link() -> None:
    """As a Lambda interrupts what takes long."""
    store = FakeStore()
    for number in range(100):
        await store.revoke(stored(str(number), NOW + HOUR))
    store.hangs_at = 50
    async with following(store) as replica:
        await asyncio.sleep(ANSWER_SECONDS / 2)
        replica.attempts.interrupt()
        await replica.attempts.until_asleep()
        store.hangs_at = None
        with pytest.raises(Overloaded):
            is_revoked(replica, LINK)
        await replica.attempts.until_asleep()
        assert not is_revoked(replica, LINK)
    assert store.reads == 100


@in_virtual_time
async def test_each_revocation_is_read_once() -> None:
    store = FakeStore()
    async with following(store) as replica:
        for _ in range(3):
            await store.revoke(LINK)
        await store.revoke(LATER)
        await asyncio.sleep(60)
        assert is_revoked(replica, LATER)
        assert store.reads == 4


@in_virtual_time
async def test_a_replica_serves_no_link_before_it_has_read_all() -> None:
    store = FakeStore()
    store.hangs_at = 1
    for link in (LATER, LINK):
        await store.revoke(link)
    async with following(store) as replica:
        await asyncio.sleep(60)
        assert store.reads == 1
        with pytest.raises(Overloaded):
            is_revoked(replica, LINK)
        store.hangs_at = None
        await polled()
        assert is_revoked(replica, LINK)


@in_virtual_time
async def test_a_revocation_that_is_not_kept_is_no_revocation() -> None:
    store = FakeStore()
    async with following(store) as replica:
        await polled()
        store.error = Overloaded("The store of links is out of reach.")
        with pytest.raises(Overloaded):
            await replica.revoke(LINK)
        assert not is_revoked(replica, LINK)


@pytest.mark.parametrize("times", [1, 3])
def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture, times: int) -> None:
    caplog.set_level(logging.INFO)

    @in_virtual_time
    async def main() -> None:
        store = FakeStore()
        async with following(store):
            for _ in range(times):
                store.error = ConnectionError("sentinel:6379")
                store.error.__cause__ = SSLCertVerificationError("sentinel")
                await asyncio.sleep(30)
                store.error = None
                await asyncio.sleep(30)

    main()
    logged = [each.getMessage() for each in caplog.records if each.name.startswith("service")]
    names = "ConnectionError (SSLCertVerificationError)"
    assert logged == times * [
        f"the revoked links cannot be read, those seen last count: {names}",
        "the revoked links can be read again",
    ]
