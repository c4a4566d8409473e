"""One server for the tests of a file that need no bounds of their own; its deadlines never come."""

from collections.abc import Iterator

import pytest

from tests.server.house import CoalescingTransport, House, serving


@pytest.fixture(scope="module", name="house")
def _house() -> Iterator[House]:
    with serving() as house:
        yield house


@pytest.fixture(name="wire")
def _wire(house: House) -> Iterator[CoalescingTransport]:
    with house.connect() as wire:
        yield wire
