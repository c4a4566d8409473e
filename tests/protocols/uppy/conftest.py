from collections.abc import AsyncIterator

import pytest

from tests.protocols.uppy.harness import House, a_house


@pytest.fixture(name="house")
async def _house() -> AsyncIterator[House]:
    async with a_house() as house:
        yield house
