"""The sealed text in the address that completes a multipart upload."""

from dataclasses import replace
from typing import Final

import pytest

from service.protocols.git_lfs.tickets import UploadTicket
from service.protocols.links.tickets import LinkKeys
from service.protocols.tickets import TicketKeys
from tests.protocols.links.factories import EXAMPLE, KEY, OTHER_KEY

KEYS: Final = TicketKeys([KEY], UploadTicket)
TICKET: Final = UploadTicket(
    issuer="cluster",
    subject="repo:acme/\udc80",
    claims={"/team": "sentinel-claim"},
    facts=[["/groups", '"sentinel-group"']],
    repository="design",
    oid="0" * 64,
    size=5,
    upload_id="upload-1",
    issued_at=1_790_000_000,
    expires_at=1_790_003_600,
)


@pytest.mark.parametrize("ticket", [TICKET, replace(TICKET, issuer=None, claims={})])
def test_an_opened_ticket_is_the_sealed_one(ticket: UploadTicket) -> None:
    text = KEYS.seal(ticket)
    assert KEYS.open_ticket(text) == ticket
    assert text.replace("-", "").replace("_", "").isalnum()


def test_any_change_to_the_text_is_refused() -> None:
    text = KEYS.seal(TICKET)
    for at in range(len(text)):
        for other in {"A", "B", "-", "=", "\n"} - {text[at]}:
            assert KEYS.open_ticket(text[:at] + other + text[at + 1 :]) is None
    for changed in ("", "é" * 100, text[:-1], f"{text}=", f"{text}\n", f" {text}"):
        assert KEYS.open_ticket(changed) is None


def test_each_key_opens_and_the_first_seals() -> None:
    both = TicketKeys([OTHER_KEY, KEY], UploadTicket)
    assert both.open_ticket(KEYS.seal(TICKET)) == TICKET
    assert KEYS.open_ticket(both.seal(TICKET)) is None


def test_a_share_link_of_the_same_key_is_no_ticket() -> None:
    assert KEYS.open_ticket(LinkKeys([KEY]).seal(EXAMPLE).text) is None
    assert LinkKeys([KEY]).open_ticket(KEYS.seal(TICKET)) is None


def test_a_ticket_shows_no_claims() -> None:
    assert "sentinel-claim" not in repr(TICKET)
    assert "sentinel-claim" not in KEYS.seal(TICKET)


def test_a_completion_has_the_facts_of_the_one_who_began() -> None:
    opened = KEYS.open_ticket(KEYS.seal(TICKET))
    assert opened is not None
    assert opened.identity().facts == {("/groups", '"sentinel-group"')}
    assert "sentinel" not in repr(opened)
