"""Uses of links, counted in the process."""

from typing import Final

from service.protocols.links.link_store import WINDOW_SECONDS, Use
from service.protocols.links.memory_link_store import MemoryLinkStore
from tests.support.virtual_time import FakeClock

ID: Final = "lnk_AAAAAAAAAAAAAAAAAAAAAAAA"
DAY: Final = 86_400


def end(clock: FakeClock) -> int:
    return int(clock.wall()) + DAY


async def test_a_window_counts_once_and_then_the_link_is_used_up() -> None:
    clock = FakeClock()
    store = MemoryLinkStore(clock)
    await store.register(ID, 2, end(clock))
    assert await store.use(ID) is Use.OPENED
    clock.move(WINDOW_SECONDS - 1)
    assert await store.use(ID) is Use.CONTINUED
    clock.move(1)
    assert await store.use(ID) is Use.OPENED
    clock.move(WINDOW_SECONDS)
    assert await store.use(ID) is Use.REFUSED


async def test_a_link_that_was_never_registered_is_refused() -> None:
    assert await MemoryLinkStore(FakeClock()).use(ID) is Use.REFUSED


async def test_each_link_has_its_own_uses() -> None:
    clock = FakeClock()
    store = MemoryLinkStore(clock)
    for link_id in (ID, f"{ID}B"):
        await store.register(link_id, 1, end(clock))
        assert await store.use(link_id) is Use.OPENED


async def test_links_that_have_ended_take_no_memory() -> None:
    clock = FakeClock()
    store = MemoryLinkStore(clock)
    await store.register(ID, 1, end(clock))
    clock.move(DAY)
    await store.register(f"{ID}B", 1, end(clock))
    assert await store.use(ID) is Use.REFUSED
    assert await store.use(f"{ID}B") is Use.OPENED
