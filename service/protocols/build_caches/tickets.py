"""Tickets of a build: a token that outlives the token of its CI job, at one cache only."""

from dataclasses import dataclass
from typing import ClassVar

from service.protocols.tickets import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheTicket(Ticket):
    purpose: ClassVar = b"presign build cache"

    cache: str
