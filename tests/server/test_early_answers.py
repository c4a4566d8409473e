"""Answers to bodies that nobody wants: the client sees them, and is not listened to for ever."""

from contextlib import suppress

import pytest

from tests.server.house import LIVEZ, CoalescingTransport, bounds, post, serving, until

SIZE = 30 * 1024 * 1024  # more than the kernel's buffers hold
SENT = b"x" * SIZE


@pytest.mark.parametrize("path", ["/v1/download-urls", "/v1/unknown"])
@pytest.mark.parametrize("header", ["connection: close", "x: y"])
def test_who_sends_all_before_reading_sees_the_answer(
    wire: CoalescingTransport, path: str, header: str
) -> None:
    """Half of Python's clients ask with `connection: close`, and none of those reads while it sends."""
    wire.send(post(path, SENT, header))
    answer = wire.answer()
    assert answer.code == ("not_found" if "unknown" in path else "body_too_large")
    if "close" in header:
        assert wire.ends()
    else:
        wire.send(LIVEZ)
        assert wire.answer().status == 200


def test_the_answer_is_seen_while_the_server_drains() -> None:
    with serving() as house, house.connect() as wire:
        house.drain.begin(0)
        wire.send(post("/v1/download-urls", SENT))
        assert wire.answer().code == "body_too_large"
        assert wire.ends()


def test_a_chunked_body_over_the_limit_is_refused(wire: CoalescingTransport) -> None:
    head = post("/v1/download-urls").replace(b"content-length: 0", b"transfer-encoding: chunked")
    wire.send(head + b"1000000\r\n" + SENT[:0x1000000] + b"\r\n")
    assert wire.answer().code == "body_too_large"


@pytest.mark.parametrize("header", ["connection: close", "x: y"])
def test_a_body_that_nobody_wants_is_not_read_for_ever(header: str) -> None:
    limits = bounds(linger_seconds=0.2)
    with serving(limits) as house, house.connect() as wire:
        with suppress(OSError):  # a slow client is cut before it has sent all
            wire.send(post("/v1/unknown", SENT, header)[:-100])
        until(lambda: not house.protocols)


def test_a_refusal_is_not_read_behind_for_ever() -> None:
    with serving(bounds(linger_seconds=0.2)) as house, house.connect() as wire:
        wire.send(b"garbage\r\n\r\n")
        assert wire.answer().status == 400
        until(lambda: not house.protocols)


def test_an_app_at_work_is_told_that_its_client_was_refused() -> None:
    """And its place is free, though the connection is there still."""
    limits = bounds(body_seconds=0.1)
    with (
        serving(limits, max_in_flight=1) as house,
        house.connect() as wire,
        house.connect() as other,
    ):
        wire.send(post("/v1/echo", b"hello")[:-1])
        assert wire.answer().status == 408
        other.send(post("/v1/echo", b"hello"))
        assert other.answer().body == b'"hello"'
        assert len(house.protocols) == 2
