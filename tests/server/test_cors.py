"""A page of another origin can read what the server itself answers, if its `Origin` has arrived."""

from collections.abc import Iterator
from typing import Final

import pytest

from service.server.limits import ConnectionLimits
from tests.support.socket_server import RunningServer, make_post, run_server

PAGE: Final = "https://app.example.com"
OF_PAGE: Final = f"origin: {PAGE}"
SECONDS: Final = 0.3  # the deadline under test
LONG: Final = b"x: " + b"a" * ConnectionLimits().head_bytes + b"\r\n"
START: Final = b"GET /livez HTTP/1.1\r\n"
END: Final = b"\r\n"
ORIGIN: Final = f"Origin: {PAGE}\r\n".encode()
POST: Final = make_post("/echo", b"12", OF_PAGE)
CHUNKED: Final = b"POST /echo HTTP/1.1\r\n" + ORIGIN + b"transfer-encoding: chunked\r\n\r\n"
UPGRADE: Final = make_post("/echo", b"12", OF_PAGE, "connection: upgrade", "upgrade: h2c")


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[RunningServer]:
    with run_server(cors_origins=[PAGE], head_seconds=SECONDS, body_seconds=SECONDS) as server:
        yield server


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (START + ORIGIN + LONG + END, 431),
        (START + ORIGIN + b"x: a", 408),
        (POST.removesuffix(b"2"), 408),
        (UPGRADE.removesuffix(b"2"), 408),
        (CHUNKED + b"zz\r\n", 400),
        (CHUNKED + b"0\r\n" + LONG + END, 431),
    ],
    ids=["head", "late head", "late body", "upgrade", "malformed body", "trailer"],
)
def test_a_page_can_read_what_ends_its_request(
    server: RunningServer, sent: bytes, status: int
) -> None:
    with server.connect() as client:
        client.send(sent)
        answer = client.answer()
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, PAGE)
        exposed = answer.headers["access-control-expose-headers"]
        assert exposed == "x-request-id, retry-after, www-authenticate"
        assert answer.headers["vary"] == "origin"
        assert client.ends()


@pytest.mark.parametrize(
    "sent",
    [
        START + LONG + ORIGIN + END,
        START + ORIGIN.removesuffix(b"\r\n"),
        START + b"Origin: https://elsewhere.example.com\r\n" + LONG + END,
        START + b"Origin: https://elsewhere.example.com\r\n" + ORIGIN + LONG + END,
        START + LONG + END,
        b"\x00",
    ],
    ids=["later", "cut", "foreign", "two", "none", "no HTTP"],
)
def test_an_origin_that_is_unknown_or_foreign_gets_no_headers(
    server: RunningServer, sent: bytes
) -> None:
    with server.connect() as client:
        client.send(sent)
        answer = client.answer()
        assert answer.status in {400, 408, 431}
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert client.ends()


def test_an_origin_counts_for_its_own_request_only(server: RunningServer) -> None:
    with server.connect() as client:
        assert client.request(POST).headers["access-control-allow-origin"] == PAGE
        answer = client.request(b"\x00")
        assert (answer.status, "access-control-allow-origin" in answer.headers) == (400, False)


def test_without_origins_the_server_names_none() -> None:
    with run_server() as server, server.connect() as client:
        answer = client.request(START + ORIGIN + LONG + END)
        assert (answer.status, "access-control-allow-origin" in answer.headers) == (431, False)
