"""How long a connection is kept for the next request."""

import time
from collections.abc import Iterator

import pytest

from tests.server.house import LIVEZ, House, serving, until

KEPT: float = 2.0  # seconds, most of which a busy machine may be late


@pytest.fixture(name="house")
def _house() -> Iterator[House]:
    with serving() as house:
        house.server.config.timeout_keep_alive = KEPT  # type: ignore[assignment] # whole seconds are long
        yield house


def test_an_idle_connection_is_closed_after_its_time(house: House) -> None:
    with house.connect() as wire:
        start = time.monotonic()
        wire.send(LIVEZ)
        assert wire.answer().status == 200
        assert wire.ends()
        assert time.monotonic() - start > KEPT * 0.9


def test_a_connection_that_is_used_is_kept(house: House) -> None:
    with house.connect() as wire:
        for _ in range(5):
            wire.send(LIVEZ)
            assert wire.answer().status == 200
            time.sleep(KEPT * 0.3)


def test_a_request_that_takes_longer_than_an_idle_connection_is_kept_is_answered(
    house: House,
) -> None:
    with house.connect() as wire:
        wire.send(LIVEZ)
        assert wire.answer().status == 200
        wire.send(b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n")
        until(lambda: house.server.server_state.tasks)
        time.sleep(KEPT * 1.5)
        house.hold.set()
        assert wire.answer().body == b'"released"'


def test_a_head_that_is_on_its_way_when_the_time_is_over_is_read(house: House) -> None:
    house.server.config.timeout_keep_alive = 3.0  # type: ignore[assignment] # as above
    with house.connect() as wire:
        wire.send(LIVEZ)
        assert wire.answer().status == 200
        time.sleep(0.8)
        wire.send(LIVEZ[:10])
        time.sleep(2.3)  # so that the time is over, though not since these bytes
        wire.send(LIVEZ[10:])
        assert wire.answer().status == 200
