"""Only so many requests of the contract are under way; health is always answered."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.server.house import LIVEZ, CoalescingTransport, House, bounds, post, serving, until

LIMIT = 3
READYZ = LIVEZ.replace(b"livez", b"readyz")
HELD = b"GET /v1/held HTTP/1.1\r\nhost: a\r\n\r\n"
NO_END = post("/v1/echo", b"hello")[:-1]
BODY = post("/v1/download-urls", b'{"bucket": "demo", "key": "a"}')


@pytest.fixture(name="limited")
def _limited() -> Iterator[House]:
    with serving(bounds(), max_in_flight=LIMIT) as house:
        yield house


def fill(house: House, stack: ExitStack, request: bytes) -> list[CoalescingTransport]:
    wires = [stack.enter_context(house.connect()) for _ in range(LIMIT)]
    for wire in wires:
        wire.send(request)
    until(lambda: len(house.server.server_state.tasks) == LIMIT)
    return wires


@pytest.mark.parametrize("held", [HELD, NO_END], ids=["handlers", "bodies"])
def test_one_too_many_is_told_at_once_to_come_back(limited: House, held: bytes) -> None:
    with ExitStack() as stack, limited.connect() as wire:
        wires = fill(limited, stack, held)
        for ask in (HELD, post("/v1/echo", b"hello"), post("/v1/unknown", b"x" * 100_000)):
            wire.send(ask)
            answer = wire.answer()
            assert (answer.status, answer.code) == (503, "overloaded")
            assert answer.headers["retry-after"] == "1"
        for health in (LIVEZ, READYZ):
            wire.send(health)
            assert wire.answer().status == 200
        limited.hold.set()
        for each in wires:
            each.send(b"" if held is HELD else b"o")
            assert each.answer().status == 200
        for each in [*wires, wire]:
            each.send(post("/v1/echo", b"hello"))
            assert each.answer().status == 200


def close(wire: CoalescingTransport) -> None:
    wire.socket.close()


def spoil(wire: CoalescingTransport) -> None:
    wire.send(b"o" + b"garbage\r\n\r\n")
    wire.answer()


@pytest.mark.parametrize("leave", [close, spoil])
def test_who_leaves_frees_a_place(
    limited: House, leave: Callable[[CoalescingTransport], None]
) -> None:
    with ExitStack() as stack, limited.connect() as wire:
        wires = fill(limited, stack, NO_END)
        leave(wires[0])
        until(lambda: len(limited.server.server_state.tasks) < LIMIT)
        wire.send(post("/v1/echo", b"hello"))
        assert wire.answer().status == 200
        wire.send(NO_END)
        until(lambda: len(limited.server.server_state.tasks) == LIMIT)
        wires[1].send(b"o" + HELD)
        assert wires[1].answer().status == 200


def test_a_request_that_waits_for_its_turn_takes_no_place(limited: House) -> None:
    with limited.connect() as wire, limited.connect() as other:
        wire.send(HELD * 10)
        until(lambda: len(limited.server.server_state.tasks) == 1)
        other.send(post("/v1/echo", b"hello"))
        assert other.answer().status == 200
        limited.hold.set()
        assert [wire.answer().status for _ in range(10)] == [200] * 10


def test_slow_bodies_take_no_turn_from_those_that_are_whole() -> None:
    """Even where bodies that are on their way have no place left."""
    head, rest = BODY[:-1], BODY[-1:]
    with serving(bounds(), max_in_flight=8) as house, ExitStack() as stack:
        wires = [stack.enter_context(house.connect()) for _ in range(8)]
        for wire in wires:
            wire.send(head)
        told = [wire for wire in wires if not wire.is_silent(0.5)]
        assert len(wires) - len(told) == 2  # of one caller, half of half of the places
        for wire in told:
            assert (answer := wire.answer()).code == "overloaded"
            assert answer.headers["retry-after"] == "1"
        with house.connect() as wire:
            for _ in range(3):
                wire.send(BODY)
                assert wire.answer().status == 200
        for wire in wires:
            if wire not in told:
                wire.send(rest)
                assert wire.answer().status == 200
