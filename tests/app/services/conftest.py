"""Running services and issuers."""

from collections.abc import AsyncIterator

import pytest

from tests.app.services.harness import (
    BEFORE,
    SALES,
    Harness,
    Issuer,
    issuer,
    start_services,
    tasks,
)
from tests.support.waiting import until


@pytest.fixture(name="warm")
async def _warm() -> AsyncIterator[Harness]:
    """Each caller has its sessions."""
    async with start_services(BEFORE) as harness:
        await harness.sign()
        await harness.sign(bucket="photos")
        await harness.sign(SALES, "b/c")
        await until(lambda: len(list(tasks("session"))) == 5)
        yield harness


@pytest.fixture(name="cluster")
async def _cluster() -> AsyncIterator[Issuer]:
    async with issuer() as harness:
        yield harness
