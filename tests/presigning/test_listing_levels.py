"""All pages of a level, from a store that takes its time."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from service.access.callers import Identity
from service.access.grants import Caller
from service.errors import StorageUnavailable
from service.presigning.audit import Requester
from service.presigning.listings import ListingRequest, Listings
from service.s3.listing_xml import ObjectsPage
from tests.support.virtual_time import in_virtual_time

REQUESTER = Requester(Identity(Caller(issuer=None, subject="ci")), "request", None)
NOTHING: Any = None


@dataclass(frozen=True)
class SlowListings(Listings):
    """Pages of one prefix each, after some seconds."""

    pages: int = 0
    seconds: float = 0

    async def page(self, _: Requester, request: ListingRequest) -> ObjectsPage:
        await asyncio.sleep(self.seconds)
        number = int(request.after or 0)
        token = str(number + 1) if number + 1 < self.pages else None
        return ObjectsPage(objects=[], prefixes=[f"{request.prefix}p{number}/"], next_token=token)


@in_virtual_time
async def test_pages_within_a_minute_are_one_level() -> None:
    listings = SlowListings(NOTHING, NOTHING, 5, 11)
    level = await listings.level(REQUESTER, "demo", "pypi/")
    assert level.prefixes == [f"pypi/p{number}/" for number in range(5)]


@in_virtual_time
async def test_pages_that_take_over_a_minute_are_a_problem() -> None:
    listings = SlowListings(NOTHING, NOTHING, 6, 11)
    with pytest.raises(StorageUnavailable, match="within 60 s"):
        await listings.level(REQUESTER, "demo", "pypi/")
