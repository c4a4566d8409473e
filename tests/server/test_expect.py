"""`Expect: 100-continue`: a client that is not asked for its body keeps it."""

from contextlib import ExitStack

import pytest

from tests.support.socket_server import (
    LIVEZ,
    RawClient,
    RunningServer,
    make_post,
    run_server,
    wait_until,
)

LENGTH = 10 * 1024 * 1024
EXPECTS = "expect: 100-continue"


def make_put(length: int, *headers: str) -> bytes:
    lines = ("PUT /redirected HTTP/1.1", "host: a", f"content-length: {length}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@pytest.mark.parametrize("length", [1, LENGTH])
@pytest.mark.parametrize("header", [EXPECTS, "Expect: 100-Continue"])
def test_a_redirect_leaves_the_body_on_the_client(header: str, length: int) -> None:
    with run_server() as server, server.connect() as client:
        answer = client.request(make_put(length, header))
        assert (answer.status, answer.headers["connection"]) == (307, "close")
        assert client.ends()
        assert server.discarded == 0


@pytest.mark.parametrize("path", ["/v1/unknown", "/v1/download-urls"])
def test_an_early_refusal_closes_the_connection(client: RawClient, path: str) -> None:
    head = make_post(path, b"", EXPECTS).replace(b"length: 0", b"length: 100000")
    answer = client.request(head)
    assert answer.status in {404, 413}
    assert answer.headers["connection"] == "close"
    assert client.ends()


def test_no_body_is_asked_for_without_a_place_for_it() -> None:
    request = make_post("/v1/download-urls", b"{}")
    with run_server(max_in_flight=8) as server, ExitStack() as clients:
        for _ in range(2):  # the places for bodies that one caller may have
            clients.enter_context(server.connect()).send(request[:-1])
        wait_until(lambda: server.tasks == 2)
        client = clients.enter_context(server.connect())
        answer = client.request(make_post("/v1/download-urls", b"{}", EXPECTS)[:-2])
        assert (answer.status, answer.code) == (503, "overloaded")


def test_a_body_that_is_sent_all_the_same_causes_no_reset() -> None:
    with run_server() as server:
        with server.connect() as client:
            client.send(make_put(LENGTH, EXPECTS))
            wait_until(lambda: any(p._is_closing for p in server.protocols))
            client.send(b"x" * LENGTH)
            assert client.answer().status == 307
            assert client.ends()
        wait_until(lambda: server.discarded == LENGTH)


def test_a_connection_stays_open_if_the_body_has_come(client: RawClient) -> None:
    answer = client.request(make_post("/v1/unknown", b"hello", EXPECTS))
    assert answer.status == 404
    assert "connection" not in answer.headers
    assert client.request(LIVEZ).status == 200


def test_a_client_of_http_1_0_gets_no_100(client: RawClient) -> None:
    request = make_post("/echo", b"hello", EXPECTS).replace(b"HTTP/1.1", b"HTTP/1.0")
    client.send(request.removesuffix(b"hello"))
    assert client.is_silent(0.2)
    assert client.request(b"hello").body == b'"hello"'


@pytest.mark.parametrize("value", ["200-ok", "100-continued", "100-continue, a=b", ""])
def test_another_expectation_is_ignored(server: RunningServer, value: str) -> None:
    """RFC 9110, 10.1.1, allows a 417. nginx ignores them too."""
    with server.connect() as client:
        request = make_post("/echo", b"hello", f"expect: {value}")
        client.send(request.removesuffix(b"hello"))
        assert client.is_silent(0.2)
        assert client.request(b"hello").body == b'"hello"'
