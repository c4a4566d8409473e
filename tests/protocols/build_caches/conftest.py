from collections.abc import AsyncIterator

import pytest

from tests.protocols.build_caches.harness import Harness, start


@pytest.fixture(name="harness")
async def _harness() -> AsyncIterator[Harness]:
    """The caller is the main branch."""
    async with start() as harness:
        yield harness
