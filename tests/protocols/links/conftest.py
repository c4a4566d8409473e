"""The store of links, as a real server, and a visitor of links."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.protocols.links.visitor import Visitor, run_visitor
from tests.support.valkey import Valkey


@pytest.fixture(name="valkey")
def _valkey(tmp_path: Path) -> Iterator[Valkey]:
    valkey = Valkey(tmp_path)
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture(name="visitor")
async def _visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with run_visitor(tmp_path) as visitor:
        yield visitor
