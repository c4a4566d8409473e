"""Ids of links, kept until their links end."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from service.protocols.links.link_store import SLOT_SECONDS, LinksByEnd

NOW: Final = 1_795_000_000
MOST: Final = 10 * SLOT_SECONDS

links = st.dictionaries(st.text(max_size=3), st.integers(NOW, NOW + MOST))


@given(links, st.lists(st.integers(NOW, NOW + MOST), max_size=4).map(sorted))
def test_an_id_is_there_until_its_end_and_no_slot_longer(
    ends: dict[str, int], moments: list[int]
) -> None:
    kept, dropped = LinksByEnd(), set[str]()
    for link_id, end in ends.items():
        kept.add(link_id, end)
    for now in moments:
        dropped |= {*kept.drop_over(now)}
        for link_id, end in ends.items():
            assert kept.has(link_id, end) == (link_id not in dropped)
            if end > now:
                assert link_id not in dropped
            if end <= now - SLOT_SECONDS:
                assert link_id in dropped


@given(links)
def test_what_is_discarded_is_gone(ends: dict[str, int]) -> None:
    kept = LinksByEnd()
    for link_id, end in ends.items():
        kept.add(link_id, end)
        kept.discard(link_id, end)
        kept.discard(link_id, end)
        assert not kept.has(link_id, end)
    assert [*kept.drop_over(NOW + 2 * MOST)] == []


def test_an_id_with_another_end_is_another() -> None:
    kept = LinksByEnd()
    kept.add("a", NOW)
    assert not kept.has("a", NOW + SLOT_SECONDS)
