"""Malformed HTTP, rare HTTP, and pipelined requests."""

import time

import pytest

from tests.support.socket_server import (
    HELD,
    LIVEZ,
    RawClient,
    RunningServer,
    make_post,
    run_server,
    wait_until,
)

TO_ECHO = b"POST /echo HTTP/1.1\r\nhost: a\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
LENGTH = b"content-length: 5\r\n"

MALFORMED = {
    "garbage": b"\x00\xff\xfe garbage\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no method": b"FETCH / HTTP/1.1\r\n\r\n",
    "no path": b"GET HTTP/1.1\r\n\r\n",
    "an invalid URL": b"GET http://[ HTTP/1.1\r\n\r\n",
    "a URL without a path": b"GET http://a HTTP/1.1\r\nhost: a\r\n\r\n",
    "CONNECT": b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n",
    "length, then chunked": TO_ECHO + LENGTH + CHUNKED + b"\r\n0\r\n\r\n",
    "chunked, then length": TO_ECHO + CHUNKED + LENGTH + b"\r\n0\r\n\r\n",
    "two lengths": TO_ECHO + LENGTH + b"content-length: 6\r\n\r\nabcdef",
    "a negative length": TO_ECHO + b"content-length: -1\r\n\r\n",
    "an endless length": TO_ECHO + b"content-length: " + b"9" * 5000 + b"\r\n\r\n",
    "two transfer codings": TO_ECHO + b"transfer-encoding: chunked, identity\r\n\r\n",
    "a folded header": TO_ECHO + b"x: a\r\n b\r\n\r\n",
    "a NUL in a header": TO_ECHO + b"x: a\0b\r\n\r\n",
    "a space in a header name": TO_ECHO + b"x y: a\r\n\r\n",
    "a bare CR": TO_ECHO + b"x: a\rb\r\n\r\n",
    "an invalid chunk size": TO_ECHO + CHUNKED + b"\r\nzz\r\n",
    "a chunk without an end": TO_ECHO + CHUNKED + b"\r\n1\r\naXX",
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("before", [b"", LIVEZ], ids=["first", "second"])
def test_a_malformed_request_gets_a_problem(
    client: RawClient, request_: bytes, before: bytes
) -> None:
    if before:
        assert client.request(before).status == 200
    answer = client.request(request_)
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert answer.headers["connection"] == "close"
    client.send(LIVEZ)
    assert client.ends()


def test_a_malformed_request_does_not_affect_others(server: RunningServer) -> None:
    with server.connect() as bad, server.connect() as good:
        assert bad.request(b"garbage\r\n\r\n").status == 400
        assert good.request(LIVEZ).status == 200


def test_a_malformed_body_gets_no_second_response(client: RawClient) -> None:
    head = b"POST /v1/unknown HTTP/1.1\r\nhost: a\r\n" + CHUNKED
    assert client.request(head + b"\r\n1\r\na\r\n").status == 404
    client.send(b"zz\r\n")
    assert client.ends()


def test_http_1_0_closes_the_connection(client: RawClient) -> None:
    answer = client.request(b"GET /livez HTTP/1.0\r\n\r\n")
    assert (answer.status, answer.body) == (200, b"ok")
    assert client.ends()


def test_a_head_request_gets_no_body(client: RawClient) -> None:
    for path, status in ((b"/openapi.json", 200), (b"/livez", 405)):
        client.send(b"HEAD %b HTTP/1.1\r\nhost: a\r\n\r\n" % path)
        assert client.answer(to_head=True).status == status
    assert client.request(LIVEZ).body == b"ok"


def test_expect_100_continue(client: RawClient) -> None:
    request = make_post("/echo", b"hello", "expect: 100-continue")
    assert client.request(request.removesuffix(b"hello")).status == 100
    assert client.request(b"hello").body == b'"hello"'


def test_a_too_large_body_is_refused_instead_of_100_continue(client: RawClient) -> None:
    request = make_post(
        "/v1/download-urls", b"", f"content-length: {1024**3}", "expect: 100-continue"
    )
    assert client.request(request.replace(b"content-length: 0\r\n", b"")).code == "body_too_large"


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"foo/2"])
def test_an_upgrade_request_is_answered_without_upgrading(
    client: RawClient, protocol: bytes
) -> None:
    """The connection then ends, because later bytes cannot be read."""
    upgrade = b"connection: upgrade\r\nupgrade: %s\r\nsec-websocket-version: 13\r\n\r\n" % protocol
    answer = client.request(b"GET /livez HTTP/1.1\r\nhost: a\r\n" + upgrade + LIVEZ)
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert client.ends()


TO_UPGRADE = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n"
WITH_BODY = {
    "length": TO_ECHO + TO_UPGRADE + LENGTH + b"\r\nhello",
    "chunked": TO_ECHO + TO_UPGRADE + CHUNKED + b"\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("after", [b"", make_post("/echo", b"second"), b"garbage\r\n\r\n"])
@pytest.mark.parametrize("request_", WITH_BODY.values(), ids=WITH_BODY)
def test_the_body_of_an_upgrade_request_is_read(
    client: RawClient, request_: bytes, after: bytes
) -> None:
    """Java's client sends such requests on plain connections. Later bytes are dropped."""
    answer = client.request(request_ + after)
    assert (answer.body, answer.headers["connection"]) == (b'"hello"', "close")
    assert client.ends()


@pytest.mark.parametrize("request_", WITH_BODY.values(), ids=WITH_BODY)
def test_the_body_of_an_upgrade_request_in_any_chunks(
    server: RunningServer, request_: bytes
) -> None:
    head = request_.index(b"\r\n\r\n")
    for cut in range(head, len(request_)):
        with server.connect() as client:
            client.send(request_[:cut])
            time.sleep(0.005)
            assert client.request(request_[cut:]).body == b'"hello"'
            assert client.ends()


@pytest.mark.parametrize(
    "rest",
    [CHUNKED + b"\r\nzz\r\n", b"transfer-encoding: chunked, identity\r\n\r\n"],
    ids=["an invalid chunk size", "two transfer codings"],
)
def test_a_malformed_body_of_an_upgrade_request_is_refused(client: RawClient, rest: bytes) -> None:
    answer = client.request(TO_ECHO + TO_UPGRADE + rest)
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert client.ends()


def test_the_body_of_an_upgrade_request_times_out() -> None:
    with run_server(body_seconds=0.1) as server, server.connect() as client:
        assert client.request(WITH_BODY["length"].removesuffix(b"llo")).code == "request_timeout"
        assert client.ends()


def test_pipelined_requests_are_answered_in_order(client: RawClient) -> None:
    client.send(make_post("/echo", b"one") + LIVEZ + make_post("/echo", b"three"))
    assert [client.answer().body for _ in range(3)] == [b'"one"', b"ok", b'"three"']
    assert client.request(LIVEZ).body == b"ok"


@pytest.mark.parametrize(
    "bad",
    [b"garbage\r\n\r\n", b"GET /" + b"a" * 20_000, TO_ECHO + CHUNKED + b"\r\n1\r\naXX"],
    ids=["malformed", "too_large", "malformed_body"],
)
def test_an_error_does_not_overtake_earlier_responses(bad: bytes) -> None:
    with run_server() as server, server.connect() as client:
        client.send(HELD + LIVEZ + bad)
        wait_until(lambda: server.tasks)
        server.hold.set()
        assert [client.answer().body for _ in range(2)] == [b'"released"', b"ok"]
        assert client.ends()


def test_a_slow_head_does_not_lose_an_earlier_response() -> None:
    with run_server(head_seconds=1.5) as server, server.connect() as client:
        client.send(HELD)
        client.send(b"GET /")
        wait_until(lambda: any(p._discards_input for p in server.protocols))
        server.hold.set()
        assert client.answer().body == b'"released"'
        assert client.ends()


def test_a_pipelined_bodys_deadline_starts_at_its_turn() -> None:
    with run_server(body_seconds=2.5, linger_seconds=0.1) as server, server.connect() as client:
        client.send(HELD + make_post("/echo", b"hello").removesuffix(b"lo"))
        wait_until(lambda: server.tasks)
        time.sleep(2.7)
        server.hold.set()
        assert client.answer().body == b'"released"'
        assert client.is_silent(0.3)  # longer than an unwanted body would get
        assert client.request(b"lo").body == b'"hello"'


def test_the_number_of_pipelined_requests_is_limited() -> None:
    with run_server(pipelined=3) as server, server.connect() as client:
        client.send(HELD + LIVEZ * 100)
        wait_until(lambda: server.tasks)
        wait_until(lambda: len(server.protocols[0].pipeline) == 3)
        server.hold.set()
        assert [client.answer().status for _ in range(4)] == [200] * 4
        assert client.ends()


def test_response_header_names_are_case_insensitive(server: RunningServer) -> None:
    with server.connect() as client:
        answer = client.request(b"GET /header/Connection HTTP/1.1\r\nhost: a\r\n\r\n")
        assert answer.headers["connection"] == "close"
        assert client.ends()


@pytest.mark.parametrize("name", [b"x%20y", b"x:", b"(x)"])
def test_an_invalid_response_header_name_is_not_sent(server: RunningServer, name: bytes) -> None:
    with server.connect() as client:
        client.send(b"GET /header/" + name + b" HTTP/1.1\r\nhost: a\r\n\r\n")
        assert client.ends()
