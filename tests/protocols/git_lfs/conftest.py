from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.protocols.git_lfs.harness import Harness, settings, start


@pytest.fixture(name="harness")
async def _harness() -> AsyncIterator[Harness]:
    async with start() as harness:
        yield harness


@pytest.fixture(name="with_parts")
async def _with_parts(tmp_path: Path) -> AsyncIterator[Harness]:
    """With a key for tickets, so that there are multipart uploads."""
    async with start(settings(keys=tmp_path)) as harness:
        yield harness
