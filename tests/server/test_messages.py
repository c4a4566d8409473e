"""What is not HTTP, what is but rarely comes, and requests that come before an answer was read."""

import time

import pytest

from tests.server.house import LIVEZ, CoalescingTransport, House, bounds, post, serving, until

HELD = b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n"
TO_ECHO = b"POST /echo HTTP/1.1\r\nhost: a\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
LENGTH = b"content-length: 5\r\n"

MALFORMED = {
    "garbage": b"\x00\xff\xfe garbage\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no method": b"FETCH / HTTP/1.1\r\n\r\n",
    "no address": b"GET HTTP/1.1\r\n\r\n",
    "an address that is none": b"GET http://[ HTTP/1.1\r\n\r\n",
    "an address without a path": b"GET http://a HTTP/1.1\r\nhost: a\r\n\r\n",
    "to be a tunnel": b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n",
    "length, then chunked": TO_ECHO + LENGTH + CHUNKED + b"\r\n0\r\n\r\n",
    "chunked, then length": TO_ECHO + CHUNKED + LENGTH + b"\r\n0\r\n\r\n",
    "two lengths": TO_ECHO + LENGTH + b"content-length: 6\r\n\r\nabcdef",
    "a length below nothing": TO_ECHO + b"content-length: -1\r\n\r\n",
    "a length without end": TO_ECHO + b"content-length: " + b"9" * 5000 + b"\r\n\r\n",
    "chunked, and more": TO_ECHO + b"transfer-encoding: chunked, identity\r\n\r\n",
    "a folded header": TO_ECHO + b"x: a\r\n b\r\n\r\n",
    "a NUL in a header": TO_ECHO + b"x: a\0b\r\n\r\n",
    "a space in a header's name": TO_ECHO + b"x y: a\r\n\r\n",
    "a bare CR": TO_ECHO + b"x: a\rb\r\n\r\n",
    "a chunk's size that is none": TO_ECHO + CHUNKED + b"\r\nzz\r\n",
    "a chunk without its end": TO_ECHO + CHUNKED + b"\r\n1\r\naXX",
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("before", [b"", LIVEZ], ids=["first", "second"])
def test_what_is_malformed_is_refused_with_a_problem(
    wire: CoalescingTransport, request_: bytes, before: bytes
) -> None:
    if before:
        wire.send(before)
        assert wire.answer().status == 200
    wire.send(request_)
    answer = wire.answer()
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert answer.headers["connection"] == "close"
    wire.send(LIVEZ)
    assert wire.ends()


def test_what_is_malformed_costs_nobody_else(house: House) -> None:
    with house.connect() as bad, house.connect() as good:
        bad.send(b"garbage\r\n\r\n")
        assert bad.answer().status == 400
        good.send(LIVEZ)
        assert good.answer().status == 200


def test_a_body_that_turns_bad_once_it_is_answered_gets_no_second_answer(
    wire: CoalescingTransport,
) -> None:
    wire.send(b"POST /v1/unknown HTTP/1.1\r\nhost: a\r\n" + CHUNKED + b"\r\n1\r\na\r\n")
    assert wire.answer().status == 404
    wire.send(b"zz\r\n")
    assert wire.ends()


def test_http_1_0_is_answered_and_closed(wire: CoalescingTransport) -> None:
    wire.send(b"GET /livez HTTP/1.0\r\n\r\n")
    answer = wire.answer()
    assert (answer.status, answer.body) == (200, b"ok")
    assert wire.ends()


def test_a_head_request_gets_no_body(wire: CoalescingTransport) -> None:
    for _ in range(2):
        wire.send(b"HEAD /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n")
        assert wire.answer(to_head=True).status == 405
    wire.send(LIVEZ)
    assert wire.answer().body == b"ok"


def test_who_expects_to_be_told_to_go_on_is_told(wire: CoalescingTransport) -> None:
    ask = post("/echo", b"hello", "expect: 100-continue")
    wire.send(ask.removesuffix(b"hello"))
    assert wire.answer().status == 100
    wire.send(b"hello")
    assert wire.answer().body == b'"hello"'


def test_who_expects_to_go_on_with_too_much_is_refused_first(wire: CoalescingTransport) -> None:
    ask = post("/v1/download-urls", b"", f"content-length: {1024**3}", "expect: 100-continue")
    wire.send(ask.replace(b"content-length: 0\r\n", b""))
    assert wire.answer().code == "body_too_large"


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"foo/2"])
def test_a_request_to_upgrade_is_answered_as_any_other(
    wire: CoalescingTransport, protocol: bytes
) -> None:
    """And ends the connection, as what comes after it is not read."""
    upgrade = b"connection: upgrade\r\nupgrade: %s\r\nsec-websocket-version: 13\r\n\r\n" % protocol
    wire.send(b"GET /livez HTTP/1.1\r\nhost: a\r\n" + upgrade + LIVEZ)
    answer = wire.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert wire.ends()


TO_UPGRADE = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n"
WITH_BODY = {
    "length": TO_ECHO + TO_UPGRADE + LENGTH + b"\r\nhello",
    "chunked": TO_ECHO + TO_UPGRADE + CHUNKED + b"\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("after", [b"", post("/echo", b"second"), b"garbage\r\n\r\n"])
@pytest.mark.parametrize("request_", WITH_BODY.values(), ids=WITH_BODY)
def test_the_body_of_a_request_to_upgrade_is_read(
    wire: CoalescingTransport, request_: bytes, after: bytes
) -> None:
    """Java's client sends all of its on a plain connection so. Whatever follows is dropped."""
    wire.send(request_ + after)
    answer = wire.answer()
    assert (answer.body, answer.headers["connection"]) == (b'"hello"', "close")
    assert wire.ends()


@pytest.mark.parametrize("request_", WITH_BODY.values(), ids=WITH_BODY)
def test_the_body_of_a_request_to_upgrade_is_read_in_any_pieces(
    house: House, request_: bytes
) -> None:
    head = request_.index(b"\r\n\r\n")
    for cut in range(head, len(request_)):
        with house.connect() as wire:
            wire.send(request_[:cut])
            time.sleep(0.005)
            wire.send(request_[cut:])
            assert wire.answer().body == b'"hello"'
            assert wire.ends()


@pytest.mark.parametrize(
    "rest",
    [CHUNKED + b"\r\nzz\r\n", b"transfer-encoding: chunked, identity\r\n\r\n"],
    ids=["a chunk's size that is none", "chunked, and more"],
)
def test_a_bad_body_of_a_request_to_upgrade_is_refused(
    wire: CoalescingTransport, rest: bytes
) -> None:
    wire.send(TO_ECHO + TO_UPGRADE + rest)
    answer = wire.answer()
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert wire.ends()


def test_a_body_of_a_request_to_upgrade_that_does_not_come_is_not_waited_for() -> None:
    with serving(bounds(body_seconds=0.1)) as house, house.connect() as wire:
        wire.send(WITH_BODY["length"].removesuffix(b"llo"))
        assert wire.answer().code == "request_timeout"
        assert wire.ends()


def test_requests_in_one_piece_are_answered_in_their_order(wire: CoalescingTransport) -> None:
    wire.send(post("/echo", b"one") + LIVEZ + post("/echo", b"three"))
    assert [wire.answer().body for _ in range(3)] == [b'"one"', b"ok", b'"three"']
    wire.send(LIVEZ)
    assert wire.answer().body == b"ok"


@pytest.mark.parametrize(
    "bad",
    [b"garbage\r\n\r\n", b"GET /" + b"a" * 20_000, TO_ECHO + CHUNKED + b"\r\n1\r\naXX"],
    ids=["malformed", "too_large", "malformed_body"],
)
def test_a_refusal_does_not_overtake_the_answers_before_it(bad: bytes) -> None:
    with serving() as house, house.connect() as wire:
        wire.send(HELD + LIVEZ + bad)
        until(lambda: house.server.server_state.tasks)
        house.hold.set()
        assert [wire.answer().body for _ in range(2)] == [b'"released"', b"ok"]
        assert wire.ends()


def test_a_head_that_is_late_does_not_cost_the_answer_before_it() -> None:
    with serving(bounds(head_seconds=1.5)) as house, house.connect() as wire:
        wire.send(HELD)
        wire.send(b"GET /")
        until(lambda: any(p._discards_input for p in house.protocols))
        house.hold.set()
        assert wire.answer().body == b'"released"'
        assert wire.ends()


def test_a_body_that_waits_for_its_turn_has_its_time_from_then_on() -> None:
    limits = bounds(body_seconds=2.5, linger_seconds=0.1)
    with serving(limits) as house, house.connect() as wire:
        wire.send(HELD + post("/echo", b"hello").removesuffix(b"lo"))
        until(lambda: house.server.server_state.tasks)
        time.sleep(2.7)
        house.hold.set()
        assert wire.answer().body == b'"released"'
        assert not wire._is_over(0.3)  # beyond what a body that nobody wants would have
        wire.send(b"lo")
        assert wire.answer().body == b'"hello"'


def test_only_so_many_requests_wait_for_their_turn() -> None:
    with serving(bounds(pipelined=3)) as house, house.connect() as wire:
        wire.send(HELD + LIVEZ * 100)
        until(lambda: house.server.server_state.tasks)
        until(lambda: len(house.protocols[0].pipeline) == 3)
        house.hold.set()
        assert [wire.answer().status for _ in range(4)] == [200] * 4
        assert wire.ends()


def test_a_header_of_an_answer_counts_whatever_the_case_of_its_name(house: House) -> None:
    with house.connect() as wire:
        wire.send(b"GET /header/Connection HTTP/1.1\r\nhost: a\r\n\r\n")
        assert wire.answer().headers["connection"] == "close"
        assert wire.ends()


@pytest.mark.parametrize("name", [b"x%20y", b"x:", b"(x)"])
def test_a_header_whose_name_could_be_read_as_another_is_not_sent(
    house: House, name: bytes
) -> None:
    with house.connect() as wire:
        wire.send(b"GET /header/" + name + b" HTTP/1.1\r\nhost: a\r\n\r\n")
        assert wire.ends()
