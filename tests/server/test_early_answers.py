"""A response before the body is read reaches the client, which cannot send forever."""

from contextlib import suppress

import pytest

from tests.support.socket_server import LIVEZ, RawClient, make_post, run_server, wait_until

BODY = b"x" * 30 * 1024 * 1024  # more than the kernel buffers


@pytest.mark.parametrize("path", ["/v1/download-urls", "/v1/unknown"])
@pytest.mark.parametrize("header", ["connection: close", "x: y"])
def test_a_client_that_reads_last_sees_the_response(
    client: RawClient, path: str, header: str
) -> None:
    """Half of Python's clients send `connection: close`, and do not read while sending."""
    answer = client.request(make_post(path, BODY, header))
    assert answer.code == ("not_found" if "unknown" in path else "body_too_large")
    if "close" in header:
        assert client.ends()
    else:
        assert client.request(LIVEZ).status == 200


def test_the_response_is_seen_while_draining() -> None:
    with run_server() as server, server.connect() as client:
        server.drain.begin(0)
        assert client.request(make_post("/v1/download-urls", BODY)).code == "body_too_large"
        assert client.ends()


def test_a_chunked_body_over_the_limit_is_refused(client: RawClient) -> None:
    head = make_post("/v1/download-urls").replace(
        b"content-length: 0", b"transfer-encoding: chunked"
    )
    answer = client.request(head + b"1000000\r\n" + BODY[:0x1000000] + b"\r\n")
    assert answer.code == "body_too_large"


@pytest.mark.parametrize("header", ["connection: close", "x: y"])
def test_an_unwanted_body_is_not_read_forever(header: str) -> None:
    with run_server(linger_seconds=0.2) as server, server.connect() as client:
        with suppress(OSError):  # the server may close before all is sent
            client.send(make_post("/v1/unknown", BODY, header)[:-100])
        wait_until(lambda: not server.protocols)


def test_a_malformed_request_ends_the_connection() -> None:
    with run_server(linger_seconds=0.2) as server, server.connect() as client:
        assert client.request(b"garbage\r\n\r\n").status == 400
        wait_until(lambda: not server.protocols)


def test_a_rejected_request_frees_its_place() -> None:
    """While its connection is still open."""
    with (
        run_server(body_seconds=0.1, max_in_flight=1) as server,
        server.connect() as client,
        server.connect() as other,
    ):
        assert client.request(make_post("/v1/echo", b"hello")[:-1]).status == 408
        assert other.request(make_post("/v1/echo", b"hello")).body == b'"hello"'
        assert len(server.protocols) == 2
