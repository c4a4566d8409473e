from collections.abc import AsyncIterator

import pytest

from tests.protocols.mlflow.harness import Harness, start


@pytest.fixture(name="harness")
async def _harness() -> AsyncIterator[Harness]:
    async with start() as harness:
        yield harness
