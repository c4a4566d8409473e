"""All pages of a level, from a store that takes its time."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from service.access.callers import Identity
from service.access.grants import Caller
from service.errors import StorageUnavailable
from service.presigning.audit import Requester
from service.presigning.listings import ListingRequest
from service.protocols.package_index.indexes import PackageIndexes
from service.s3.xml import ObjectsPage
from tests.support.virtual_time import in_virtual_time

REQUESTER = Requester(Identity(Caller(issuer=None, subject="ci")), "request", None)


@dataclass
class SlowListings:
    """Pages of one project, each after some seconds."""

    pages: int
    seconds: float

    async def page(self, _: Requester, request: ListingRequest) -> ObjectsPage:
        await asyncio.sleep(self.seconds)
        number = int(request.after or 0)
        token = str(number + 1) if number + 1 < self.pages else None
        return ObjectsPage(objects=[], prefixes=[f"{request.prefix}p{number}/"], next_token=token)


def indexes(pages: int, seconds: float) -> PackageIndexes:
    listings: Any = SlowListings(pages, seconds)
    return PackageIndexes({}, listings)


@in_virtual_time
async def test_pages_within_a_minute_are_one_level() -> None:
    level = await indexes(5, 11).level(REQUESTER, "demo", "pypi/")
    assert level.prefixes == [f"pypi/p{number}/" for number in range(5)]


@in_virtual_time
async def test_pages_that_take_over_a_minute_are_a_problem() -> None:
    with pytest.raises(StorageUnavailable, match="within 60 s"):
        await indexes(6, 11).level(REQUESTER, "demo", "pypi/")
