"""Services that run, and issuers."""

from collections.abc import AsyncIterator

import pytest

from tests.app.services.house import (
    BEFORE,
    SALES,
    House,
    Issuer,
    house,
    issuer,
    tasks,
    until,
)


@pytest.fixture(name="warm")
async def _warm() -> AsyncIterator[House]:
    """Each caller has a session of each of its buckets."""
    async with house(BEFORE) as made:
        await made.sign()
        await made.sign(bucket="photos")
        await made.sign(SALES, "b/c")
        await until(lambda: len(list(tasks("session"))) == 5)
        yield made


@pytest.fixture(name="cluster")
async def _cluster() -> AsyncIterator[Issuer]:
    async with issuer() as made:
        yield made
