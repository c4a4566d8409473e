"""Sealed tickets of share links: what opens, what does not, and how long they are."""

import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.access.grants import Caller, Operation
from service.protocols.links import tickets
from service.protocols.links.link import Link
from service.protocols.links.tickets import LinkKeys
from tests.protocols.links.factories import DAY, EXAMPLE, KEY, OTHER_KEY, links, make_link

LINK_KEYS: Final = LinkKeys([KEY])
TICKET: Final = LINK_KEYS.seal(EXAMPLE)
ALPHABET: Final = string.ascii_letters + string.digits + "-_"


def same_name() -> list[bytes]:
    """Return two keys that have the same name in a ticket, which is one byte."""
    named = dict[str, bytes]()
    for number in range(256):
        key = bytes([number]) * 32
        name = LinkKeys([key]).seal_for_store(EXAMPLE)[:1].hex()
        first = named.setdefault(name, key)
        if first != key:
            return [first, key]
    raise AssertionError("all 256 keys have names of their own")


@given(links())
@example(EXAMPLE)
def test_an_opened_ticket_is_the_link_that_was_sealed(link: Link) -> None:
    ticket = LINK_KEYS.seal(link)
    assert LINK_KEYS.open_ticket(ticket.text) == ticket
    assert ticket.link == link


@given(links(), st.data())
def test_any_other_character_anywhere_is_refused(link: Link, data: st.DataObject) -> None:
    text = LINK_KEYS.seal(link).text
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(ALPHABET + "=.+/ é\n").filter(text[at].__ne__))
    assert LINK_KEYS.open_ticket(text[:at] + other + text[at + 1 :]) is None


def test_every_character_of_a_ticket_is_checked() -> None:
    changed = [
        TICKET.text[:at] + other + TICKET.text[at + 1 :]
        for at in range(len(TICKET.text))
        for other in ALPHABET
        if other != TICKET.text[at]
    ]
    assert len(changed) == len(TICKET.text) * 63
    assert [text for text in changed if LINK_KEYS.open_ticket(text) is not None] == []


@given(links())
def test_every_shorter_text_is_refused(link: Link) -> None:
    text = LINK_KEYS.seal(link).text
    assert [at for at in range(len(text)) if LINK_KEYS.open_ticket(text[:at]) is not None] == []


@given(links(), st.text(ALPHABET + "=é\x00", min_size=1, max_size=5))
def test_every_longer_text_is_refused(link: Link, more: str) -> None:
    text = LINK_KEYS.seal(link).text
    assert LINK_KEYS.open_ticket(text + more) is None
    assert LINK_KEYS.open_ticket(more + text) is None


@given(st.text() | st.text(ALPHABET) | st.binary().map(lambda b: urlsafe_b64encode(b).decode()))
def test_any_other_text_is_refused(text: str) -> None:
    assert LINK_KEYS.open_ticket(text) is None


def test_a_ticket_of_a_key_that_is_gone_is_refused() -> None:
    assert LinkKeys([OTHER_KEY]).open_ticket(TICKET.text) is None


def test_a_new_first_key_seals_and_the_old_one_still_opens() -> None:
    both = LinkKeys([OTHER_KEY, KEY])
    assert both.open_ticket(TICKET.text) == TICKET
    assert LinkKeys([OTHER_KEY]).open_ticket(both.seal(EXAMPLE).text) is not None


def test_keys_of_one_name_open_their_own_tickets() -> None:
    keys = same_name()
    link_keys = LinkKeys(keys)
    for key in keys:
        ticket = LinkKeys([key]).seal(EXAMPLE)
        assert link_keys.open_ticket(ticket.text) == ticket
    assert LinkKeys(keys[:1]).open_ticket(LinkKeys(keys[1:]).seal(EXAMPLE).text) is None


def test_equal_links_have_one_ticket() -> None:
    claims = {"/a": "1", "/b": "2"}
    other = dict(reversed(claims.items()))
    assert LINK_KEYS.seal(make_link(claims=claims)) == LINK_KEYS.seal(make_link(claims=other))


def test_two_links_that_differ_in_their_salt_have_nothing_in_common() -> None:
    other = LINK_KEYS.seal(make_link(salt=b"t" * 6))
    alike = [one == two for one, two in zip(TICKET.text, other.text, strict=True)]
    assert sum(alike[2:]) < len(alike) / 4  # the first characters are the name of the key
    assert other.id != TICKET.id


@pytest.mark.parametrize(
    ("caller", "key"),
    [
        (Caller(issuer=None, subject="s" * 16), "k" * 100),
        (Caller(issuer="acme", subject="s" * 12), "k" * 100),
        (Caller(issuer=None, subject="s" * 16), "ü" * 50),
    ],
)
def test_a_ticket_has_at_most_214_characters(caller: Caller, key: str) -> None:
    """For a key of 100 bytes and a caller of 16, in the worst case: for a year."""
    year = EXAMPLE.issued_at + 365 * DAY
    ticket = LINK_KEYS.seal(make_link(caller=caller, key=key, expires_at=year, max_uses=1))
    assert len(ticket.text) <= 214


@pytest.mark.parametrize(
    ("link", "text"),
    [
        (
            EXAMPLE,
            "7svBpC7onWFq1FOsyP5BlYuAb_5_eXIxPEvYbA4G80PoykWLm_pGR4cj1WRfwcW5RK0lZjgoW3BXPqQC",
        ),
        (
            make_link(
                caller=Caller(issuer="acme", subject="ü"),
                claims={"/team": "a"},
                facts=frozenset({("/groups", "x")}),
                operation=Operation.UPLOAD,
                is_prefix=True,
                not_before=EXAMPLE.issued_at + 1,
                max_uses=3,
                filename="f",
                label="Ann",
                message="Hi",
            ),
            (
                "7r-Dm8SWblfOo0SRZMqz7H9EcOV4E-iofEtXIrFfC_uMWmTglFGjXgWGlgzjBlQadgx5i6iYPqm-"
                "rpM0qudypLleAcuTEC8NIeffXfov8b0BY_luctmnVswXTQ"
            ),
        ),
    ],
)
def test_a_ticket_keeps_its_form(link: Link, text: str) -> None:
    """Addresses in mails must open for a year, also at later versions."""
    assert LINK_KEYS.seal(link).text == text
    assert LINK_KEYS.open_ticket(text) == LINK_KEYS.seal(link)


def test_a_list_opens_links_without_packing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of a hundred long keys is work of the event loop."""
    sealed = LINK_KEYS.seal_for_store(EXAMPLE)
    monkeypatch.setattr(tickets, "pack", None)
    assert LINK_KEYS.open_from_store(sealed) == TICKET


def test_a_ticket_shows_nothing_of_what_it_says() -> None:
    sealed = urlsafe_b64decode(TICKET.text + "=" * (-len(TICKET.text) % 4))
    assert not any(word in sealed for word in (b"billing", b"reports", b"2026", b"pdf"))


def test_repr_shows_no_ticket_and_no_claims() -> None:
    ticket = LINK_KEYS.seal(make_link(claims={"/team": "sentinel"}))
    assert ticket.text not in repr(ticket)
    assert "sentinel" not in repr(ticket)
