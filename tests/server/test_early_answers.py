"""A response before the body is read reaches the client, which cannot send for ever."""

from contextlib import suppress

import pytest

from tests.server.harness import LIVEZ, RawClient, post, serving, until

BODY = b"x" * 30 * 1024 * 1024  # more than the kernel buffers


@pytest.mark.parametrize("path", ["/v1/download-urls", "/v1/unknown"])
@pytest.mark.parametrize("header", ["connection: close", "x: y"])
def test_a_client_that_reads_last_sees_the_response(
    client: RawClient, path: str, header: str
) -> None:
    """Half of Python's clients send `connection: close`, and do not read while sending."""
    client.send(post(path, BODY, header))
    answer = client.answer()
    assert answer.code == ("not_found" if "unknown" in path else "body_too_large")
    if "close" in header:
        assert client.ends()
    else:
        client.send(LIVEZ)
        assert client.answer().status == 200


def test_the_response_is_seen_while_draining() -> None:
    with serving() as server, server.connect() as client:
        server.drain.begin(0)
        client.send(post("/v1/download-urls", BODY))
        assert client.answer().code == "body_too_large"
        assert client.ends()


def test_a_chunked_body_over_the_limit_is_refused(client: RawClient) -> None:
    head = post("/v1/download-urls").replace(b"content-length: 0", b"transfer-encoding: chunked")
    client.send(head + b"1000000\r\n" + BODY[:0x1000000] + b"\r\n")
    assert client.answer().code == "body_too_large"


@pytest.mark.parametrize("header", ["connection: close", "x: y"])
def test_an_unwanted_body_is_not_read_for_ever(header: str) -> None:
    with serving(linger_seconds=0.2) as server, server.connect() as client:
        with suppress(OSError):  # the server may close before all is sent
            client.send(post("/v1/unknown", BODY, header)[:-100])
        until(lambda: not server.protocols)


def test_a_malformed_request_ends_the_connection() -> None:
    with serving(linger_seconds=0.2) as server, server.connect() as client:
        client.send(b"garbage\r\n\r\n")
        assert client.answer().status == 400
        until(lambda: not server.protocols)


def test_a_rejected_request_frees_its_place() -> None:
    """While its connection is still open."""
    with (
        serving(body_seconds=0.1, max_in_flight=1) as server,
        server.connect() as client,
        server.connect() as other,
    ):
        client.send(post("/v1/echo", b"hello")[:-1])
        assert client.answer().status == 408
        other.send(post("/v1/echo", b"hello"))
        assert other.answer().body == b'"hello"'
        assert len(server.protocols) == 2
