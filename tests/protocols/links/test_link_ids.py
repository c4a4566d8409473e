"""Ids of links: short, and their maker's own."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Caller
from service.protocols.links.link import Link
from service.protocols.links.tickets import LinkKeys
from tests.protocols.links.factories import EXAMPLE, KEY, OTHER_KEY, links, make_link

LINK_KEYS = LinkKeys([KEY])
TICKET = LINK_KEYS.seal(EXAMPLE)


@given(links())
def test_the_maker_gets_the_end_of_its_link(link: Link) -> None:
    ticket = LINK_KEYS.seal(link)
    assert LINK_KEYS.end_of(ticket.id, link.caller) == link.expires_at


@given(links(), links())
def test_another_caller_gets_nothing(link: Link, other: Link) -> None:
    if link.caller != other.caller:
        assert LINK_KEYS.end_of(LINK_KEYS.seal(link).id, other.caller) is None


@pytest.mark.parametrize("issuer", ["", "billing", "cluster-a"])
def test_a_subject_with_the_name_of_an_api_key_is_another_caller(issuer: str) -> None:
    assert LINK_KEYS.end_of(TICKET.id, Caller(issuer=issuer, subject="billing")) is None


def test_every_character_of_an_id_is_checked() -> None:
    for at, character in enumerate(TICKET.id):
        other = "A" if character != "A" else "B"
        changed = TICKET.id[:at] + other + TICKET.id[at + 1 :]
        assert LINK_KEYS.end_of(changed, EXAMPLE.caller) is None


@given(
    st.text() | st.sampled_from(["lnk_é", TICKET.id[4:], TICKET.id[:-1], f"{TICKET.id}A", "lnk_"])
)
def test_any_other_text_is_no_id(text: str) -> None:
    assert LINK_KEYS.end_of(text, EXAMPLE.caller) is None


def test_an_id_is_short_and_fits_into_a_path() -> None:
    assert re.fullmatch("lnk_[A-Za-z0-9_-]{24}", TICKET.id)


def test_an_id_stays_when_a_new_key_seals() -> None:
    both = LinkKeys([OTHER_KEY, KEY])
    opened = both.open_ticket(TICKET.text)
    assert opened is not None
    assert opened.id == TICKET.id
    assert both.end_of(TICKET.id, EXAMPLE.caller) == EXAMPLE.expires_at


def test_an_id_of_a_key_that_is_gone_is_unknown() -> None:
    assert LinkKeys([OTHER_KEY]).end_of(TICKET.id, EXAMPLE.caller) is None


def test_links_of_one_moment_have_their_own_ids() -> None:
    assert len({LINK_KEYS.seal(make_link(salt=bytes([n] * 6))).id for n in range(100)}) == 100
