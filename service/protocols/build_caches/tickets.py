"""Tickets of a build: a token that outlives the token of its CI job, at one cache only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.protocols.tickets import Ticket, TicketKeys

# It changes with the fields of a ticket.
_PURPOSE: Final = b"presign build cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheTicket(Ticket):
    cache: str


def ticket_keys(keys: Sequence[bytes]) -> TicketKeys[CacheTicket]:
    """There is at least one key, each of 32 random bytes."""
    return TicketKeys(keys, CacheTicket, _PURPOSE)
