"""Uses of links, counted in the process."""

from typing import Final

from service.protocols.links.link_store import (
    MOST_LINKS,
    SLOT_SECONDS,
    WINDOW_SECONDS,
    StoredLink,
    UseResult,
)
from service.protocols.links.memory_link_store import MemoryLinkStore
from tests.protocols.links.following import ID, OTHER, stored
from tests.protocols.links.steps import steps
from tests.support.virtual_time import FakeClock

DAY: Final = 86_400


def link_of(
    clock: FakeClock, link_id: str = ID, *, seconds: int = DAY, maker: str = "a"
) -> StoredLink:
    return stored(link_id, int(clock.wall()) + seconds, maker)


async def test_a_window_counts_once_and_then_the_link_is_used_up() -> None:
    clock = FakeClock()
    store, link = MemoryLinkStore(clock), link_of(clock)
    await store.register(link, 2)
    assert await store.use(link) is UseResult.OPENED
    clock.move(WINDOW_SECONDS - 1)
    assert await store.use(link) is UseResult.CONTINUED
    clock.move(1)
    assert await store.use(link) is UseResult.OPENED
    clock.move(WINDOW_SECONDS)
    assert await store.use(link) is UseResult.REFUSED


async def test_a_look_takes_no_use() -> None:
    clock = FakeClock()
    store, link = MemoryLinkStore(clock), link_of(clock)
    assert await store.use(link, only_look=True) is UseResult.REFUSED
    await store.register(link, 1)
    for _ in range(3):
        assert await store.use(link, only_look=True) is UseResult.OPENED
    assert await store.use(link) is UseResult.OPENED
    assert await store.use(link, only_look=True) is UseResult.CONTINUED
    clock.move(WINDOW_SECONDS)
    assert await store.use(link, only_look=True) is UseResult.REFUSED


async def test_a_link_that_was_never_registered_is_refused() -> None:
    clock = FakeClock()
    assert await MemoryLinkStore(clock).use(link_of(clock)) is UseResult.REFUSED


async def test_each_link_has_its_own_uses() -> None:
    clock = FakeClock()
    store = MemoryLinkStore(clock)
    for link_id in (ID, OTHER):
        await store.register(link_of(clock, link_id), 1)
        assert await store.use(link_of(clock, link_id)) is UseResult.OPENED


async def test_links_that_have_ended_take_no_memory() -> None:
    clock = FakeClock()
    store, link = MemoryLinkStore(clock), link_of(clock)
    await store.register(link, 1)
    clock.move(DAY + SLOT_SECONDS)
    await store.register(link_of(clock, OTHER), 1)
    assert await store.use(link) is UseResult.REFUSED
    assert await store.use(link_of(clock, OTHER)) is UseResult.OPENED


async def test_a_maker_has_a_bounded_number_of_live_links() -> None:
    clock = FakeClock()
    store = MemoryLinkStore(clock)
    numbered = [link_of(clock, str(number)) for number in range(MOST_LINKS)]
    assert all([await store.register(link, 1) for link in numbered])
    assert not await store.register(link_of(clock), 1)
    assert await store.use(link_of(clock)) is UseResult.REFUSED
    assert await store.register(link_of(clock, maker="b"), 1)
    clock.move(DAY + SLOT_SECONDS)
    assert await store.register(link_of(clock, OTHER), 1)


async def test_what_is_revoked_or_used_up_is_live_no_longer() -> None:
    clock = FakeClock()
    store = MemoryLinkStore(clock)
    numbered = [link_of(clock, str(number)) for number in range(MOST_LINKS)]
    for link in numbered:
        await store.register(link, 1)
    assert await store.revoke(numbered[0])
    assert await store.use(numbered[0]) is UseResult.REFUSED
    assert await store.register(link_of(clock), 1)
    await store.use(numbered[1])
    clock.move(WINDOW_SECONDS + SLOT_SECONDS)
    assert await store.register(link_of(clock, OTHER), 1)
    assert not await store.register(link_of(clock, "more"), 1)


async def test_a_maker_has_a_bounded_number_of_live_revocations() -> None:
    clock = FakeClock()
    store = MemoryLinkStore(clock)
    numbered = [link_of(clock, str(number)) for number in range(MOST_LINKS)]
    for link in [*numbered, *numbered]:
        assert await store.revoke(link)
    assert not await store.revoke(link_of(clock))
    assert await store.revoke(link_of(clock, maker="b"))
    clock.move(DAY + SLOT_SECONDS)
    assert await store.revoke(link_of(clock, OTHER))


async def test_a_new_link_costs_the_same_beside_many() -> None:
    clock = FakeClock()
    store = MemoryLinkStore(clock)
    for number in range(5000):
        await store.register(link_of(clock, str(number), seconds=DAY + number), 1)
    many = await steps(lambda: store.register(link_of(clock), 1))
    few = await steps(lambda: MemoryLinkStore(clock).register(link_of(clock, OTHER), 1))
    assert many <= few + 10
