from collections.abc import AsyncIterator

import pytest

from tests.protocols.uppy.harness import Harness, start_harness


@pytest.fixture(name="harness")
async def _house() -> AsyncIterator[Harness]:
    async with start_harness() as harness:
        yield harness
