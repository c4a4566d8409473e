"""The HTTP to the store, over real sockets: failures, proxies, certificates, and no URL in a log."""

import logging
import os
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager
from urllib3.exceptions import ProtocolError

from presign_client import Presign, PresignError
from presign_client.proxies import FORM
from presign_client.retries import Retries, TemporaryError
from presign_client.signed import SignedRequest
from presign_client.store import Store
from presign_client.store_http import CHUNK, StoreHttp
from presign_client.transfers.plan import MIB
from presign_client.transfers.ranges import Ranges
from tests.client.fake import SECRET, TOKEN, Fake
from tests.client.socket_store import OK, Connection, sends, store_that
from tests.support.processes import free_ports
from tests.support.stub_server import make_tls_context

QUERY = f"/reports/a.csv?{SECRET}"
NOWHERE = "http://store.test"  # no such host: only a proxy can answer


@pytest.fixture
def http() -> Iterator[StoreHttp]:
    http = StoreHttp()
    yield http
    http.close()


def got(http: StoreHttp, origin: str) -> bytes:
    with http.answer("GET", origin + QUERY, {}) as answer:
        return answer.read()


def refusal(origin: str) -> PresignError:
    """Return the error of one attempt, which shows no URL."""
    http = StoreHttp()
    with pytest.raises(TemporaryError) as failed:
        got(http, origin)
    http.close()
    assert SECRET not in str(failed.value.error)
    assert failed.value.error.code == "unreachable"
    return failed.value.error


def test_requests_share_a_connection(http: StoreHttp) -> None:
    with store_that(sends(OK)) as store:
        assert [got(http, store.url) for _ in range(3)] == [b"12345"] * 3

    assert store.connections == 1


def test_an_answer_that_is_not_read_costs_the_connection(http: StoreHttp) -> None:
    with store_that(sends(OK)) as store:
        for _ in range(2):
            with http.answer("GET", store.url + QUERY, {}) as answer:
                assert answer.status == 200

    assert store.connections == 2


def test_a_connection_that_was_closed_meanwhile_is_made_again(http: StoreHttp) -> None:
    closed = Event()

    def answer(connection: Connection, _: int) -> None:
        connection.send(OK)
        connection.end()
        closed.set()

    with store_that(answer) as store:
        assert got(http, store.url) == b"12345"
        assert closed.wait(60)
        assert got(http, store.url) == b"12345"


def test_bytes_beyond_the_length_reach_no_other_answer(http: StoreHttp) -> None:
    with store_that(sends(OK + OK.replace(b"12345", b"wrong"))) as store:
        assert [got(http, store.url) for _ in range(2)] == [b"12345"] * 2


@pytest.mark.parametrize("end", [Connection.end, Connection.reset])
def test_what_came_before_a_break_is_kept(
    http: StoreHttp, end: Callable[[Connection], None]
) -> None:
    def answer(connection: Connection, _: int) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n12345")
        end(connection)

    with store_that(answer) as store, http.answer("GET", store.url + QUERY, {}) as found:
        chunks = found.chunks()

        assert next(chunks) == b"12345"
        with pytest.raises(TemporaryError, match="The store ended the connection"):
            next(chunks)


def test_a_large_answer_comes_in_large_chunks(http: StoreHttp) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {4 * CHUNK}\r\n\r\n".encode()
    whole = sends(head + bytes(4 * CHUNK))
    with store_that(whole) as store, http.answer("GET", store.url + QUERY, {}) as answer:
        sizes = [len(chunk) for chunk in answer.chunks()]

    assert sum(sizes) == 4 * CHUNK
    assert len(sizes) <= 5
    assert max(sizes) < 2 * CHUNK


def test_a_refusal_before_the_body_was_sent_is_read(http: StoreHttp) -> None:
    def refuse(connection: Connection, _: int) -> None:
        connection.send(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")
        connection.socket.shutdown(socket.SHUT_WR)
        while connection.socket.recv(65536):  # else the system resets the connection
            pass

    body, size = iter([bytes(CHUNK)] * 40), 40 * CHUNK
    with store_that(refuse, reads_bodies=False) as store:
        headers = {"content-length": str(size)}
        with http.answer("PUT", store.url + QUERY, headers, body) as answer:
            assert (answer.status, answer.read()) == (403, b"no")


@pytest.mark.parametrize("error", [OSError("disk"), BrokenPipeError("pipe"), KeyError("mine")])
def test_a_body_that_cannot_be_read_is_no_failure_of_the_store(error: Exception) -> None:
    def body() -> Iterator[bytes]:
        yield b"123"
        raise error

    signed = SignedRequest(method="PUT", url="", content_length=5)
    with store_that(sends(OK)) as store, pytest.raises(type(error)) as failed:
        Store(Retries()).send(lambda: replace(signed, url=store.url + QUERY), body)

    assert failed.value is error


def test_the_length_is_sent_and_no_chunks() -> None:
    with store_that(sends(OK)) as store:
        signed = SignedRequest(method="PUT", url=store.url + QUERY, content_length=5)
        Store(Retries()).send(lambda: signed, lambda: [b"123", b"45"])

    lines = store.requests[0].lower().split("\r\n")
    assert {"content-length: 5", "accept-encoding: identity"} <= {*lines}
    assert not [line for line in lines if line.startswith("transfer-encoding")]


@pytest.mark.parametrize("body", [[b"123", b"45GET / HTTP/1.1"], [b"123"]])
def test_a_body_of_another_length_than_signed_is_refused(body: list[bytes]) -> None:
    """What is too long would be taken for the next request of the connection."""
    received = []

    def answer(connection: Connection, _: int) -> None:
        received.append(connection.body)
        connection.send(OK)

    with store_that(answer) as store:
        signed = SignedRequest(method="PUT", url=store.url + QUERY, content_length=5)
        http = Store(Retries())
        with pytest.raises(PresignError, match="source_changed"):
            http.send(lambda: signed, lambda: body)
        http.send(lambda: signed, lambda: [b"12345"])
        http.close()

    assert received[-1] == b"12345"
    assert store.connections == 2


@pytest.mark.parametrize("status", [200, 403])
def test_an_answer_without_an_end_is_left(status: int) -> None:
    """To a PUT, a HEAD or a copy: it would fill the memory."""

    def answer(connection: Connection, _: int) -> None:
        connection.send(f"HTTP/1.1 {status} OK\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        while True:
            connection.send(b"%x\r\n%b\r\n" % (CHUNK, bytes(CHUNK)))

    refused = pytest.raises(PresignError, match="The store refused: HTTP 403")
    http = Store(Retries(sleep=lambda _: None))
    with store_that(answer) as store, refused if status == 403 else nullcontext():
        signed = SignedRequest(method="DELETE", url=store.url + QUERY)
        assert len(http.send(lambda: signed).content) < 3 * CHUNK
    http.close()


def early_hints(connection: Connection, number: int) -> None:
    connection.send(b"HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
    connection.send(OK.replace(b"12345", b"of %2d" % number))


def test_answers_before_the_final_one_are_passed_over(http: StoreHttp) -> None:
    with store_that(early_hints) as store:
        assert [got(http, store.url) for _ in range(3)] == [b"of  0", b"of  1", b"of  2"]

    assert store.connections == 1


def test_no_request_gets_the_answer_to_another_one() -> None:
    """urllib3's own pools take an early answer for the final one."""
    http = StoreHttp(PoolManager())
    with store_that(early_hints) as store:
        for _ in range(3):
            with pytest.raises(TemporaryError, match="no final answer"):
                got(http, store.url)
    http.close()

    assert store.connections == 3


def test_a_redirect_is_not_followed(http: StoreHttp) -> None:
    moved = b"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
    with store_that(sends(moved)) as store, http.answer("GET", store.url + QUERY, {}) as answer:
        assert answer.status == 307


def test_a_store_that_does_not_listen_cannot_be_reached() -> None:
    [port] = free_ports(1)

    detail = refusal(f"http://127.0.0.1:{port}").detail
    assert detail == "The store cannot be reached (connection refused)."


@pytest.mark.parametrize(("host", "why"), [("a.invalid", " (unknown host)"), ("a..test", "")])
def test_a_host_that_is_none_is_said(host: str, why: str) -> None:
    assert refusal(f"http://{host}").detail == f"The store cannot be reached{why}."


class Stalled(PoolManager):
    """Fails as urllib3 does if the store takes no more bytes."""

    def request(self, *_: Any, **__: Any) -> BaseHTTPResponse:
        raise ProtocolError("Connection aborted.", TimeoutError("timed out"))


def test_a_store_that_takes_no_more_bytes_is_too_slow() -> None:
    with pytest.raises(TemporaryError, match="did not answer in time"):
        got(StoreHttp(Stalled()), NOWHERE)


def test_an_answer_that_is_no_http_is_a_broken_connection() -> None:
    with store_that(sends(b"SSH-2.0-OpenSSH\r\n\r\n")) as store:
        assert "ended the connection (ProtocolError)" in refusal(store.url).detail


def test_a_header_that_cannot_be_sent_is_refused_unseen() -> None:
    with store_that(sends(OK)) as store:
        headers = {"x-amz-meta-a": f"1\r\n{SECRET}"}
        signed = SignedRequest(method="GET", url=store.url + QUERY, headers=headers)
        with pytest.raises(PresignError, match="unreachable") as failed:
            Store(Retries(tries=1)).send(lambda: signed)

    assert SECRET not in str(failed.value)


@pytest.mark.parametrize("pool", [None, PoolManager()])
def test_no_log_has_a_signed_url(
    caplog: pytest.LogCaptureFixture, pool: PoolManager | None
) -> None:
    """urllib3 logs targets at DEBUG, and those whose answers have odd headers as warnings."""
    caplog.set_level(logging.DEBUG)
    http = StoreHttp(pool)
    odd = "HTTP/1.1 200 OK\r\nno header\r\nlocation: {}\r\ncontent-length: 5\r\n\r\n12345"

    def respond(connection: Connection, number: int) -> None:
        connection.send(odd.format(store.url + QUERY).encode() if number else OK)

    with store_that(respond) as store:
        for _ in range(2):
            with http.answer("GET", store.url + QUERY, {}) as answer:
                assert answer.status == 200
    http.close()

    assert ("/reports/a.csv" in caplog.text) == (pool is not None)
    assert "Failed to parse headers" in caplog.text
    assert "X-Amz" not in caplog.text


def test_a_url_is_sent_as_it_was_signed(http: StoreHttp) -> None:
    """urllib3 would encode it again, and leave out dot segments."""
    target = "/reports/a%2fb/./c//%7E~'(d)?X=%2f%2B&y=a/b?"
    with store_that(sends(OK)) as store, http.answer("GET", store.url + target, {}) as answer:
        assert answer.status == 200

    assert store.requests[0].startswith(f"GET {target} HTTP/1.1\r\n")
    assert "x-presign" not in store.requests[0].lower()


def test_a_private_authority_is_trusted_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http: StoreHttp
) -> None:
    context = make_tls_context(tmp_path)
    with store_that(sends(OK), context) as store:
        detail = refusal(store.url).detail
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))

        assert got(http, store.url) == b"12345"

    assert "has a TLS certificate that is not trusted here; SSL_CERT_FILE names others" in detail


def test_a_certificate_that_has_expired_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_tls_context(tmp_path, ends_in_days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    with store_that(sends(OK), context) as store:
        detail = refusal(store.url).detail

    assert detail == "The store has a wrong TLS certificate: certificate has expired."


def test_a_given_pool_has_its_own_authorities(tmp_path: Path) -> None:
    context = make_tls_context(tmp_path)
    trusting = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    http = StoreHttp(PoolManager(ssl_context=trusting))
    with store_that(sends(OK), context) as store:
        assert got(http, store.url) == b"12345"
    http.close()


@pytest.mark.parametrize("password", ["p@ss", "pä€"])
def test_a_proxy_of_the_environment_gets_its_password(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    with store_that(sends(OK)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", f"//ann:{quote(password)}@"))

        assert got(StoreHttp(), NOWHERE) == b"12345"

    assert proxy.requests[0].startswith(f"GET {NOWHERE}/reports/a.csv?")
    words = b64encode(f"ann:{password}".encode()).decode()
    assert f"proxy-authorization: basic {words}".lower() in proxy.requests[0].lower()


@pytest.mark.parametrize("names", ["127.0.0.1", "example.com, 127.0.0.1", "*"])
def test_no_proxy_is_asked_for_hosts_that_need_none(
    monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    monkeypatch.setenv("NO_PROXY", names)
    with store_that(sends(OK)) as proxy, store_that(sends(OK)) as store:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)

        assert got(StoreHttp(), store.url) == b"12345"

    assert proxy.requests == []


@pytest.mark.parametrize("origin", [NOWHERE, NOWHERE.replace("http:", "https:")])
@pytest.mark.parametrize("given", [False, True])
def test_a_password_that_a_proxy_refuses_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, origin: str, *, given: bool
) -> None:
    refusal = b"HTTP/1.1 407 not ann:pass-of-ann\r\ncontent-length: 0\r\n\r\n"
    waits: list[float] = []
    with store_that(sends(refusal)) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url.replace("//", "//ann:pass-of-ann@"))
        signed = SignedRequest(method="GET", url=origin + QUERY)
        pool = ProxyManager(proxy.url) if given else None
        with pytest.raises(PresignError) as failed:
            Store(Retries(sleep=waits.append), pool).send(lambda: signed)

    text = "unreachable: The proxy's password is missing or wrong (HTTP 407). Its URL has "
    assert str(failed.value).startswith(text)
    assert "pass-of-ann" not in str(failed.value)
    assert failed.value.__suppress_context__
    assert waits == []


def test_a_proxy_of_another_kind_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://ann:pass-of-ann@127.0.0.1:9")
    signed = SignedRequest(method="GET", url=NOWHERE + QUERY)
    waits: list[float] = []
    with pytest.raises(PresignError) as failed:
        Store(Retries(sleep=waits.append)).send(lambda: signed)

    assert failed.value.detail.startswith(f"ALL_PROXY must look like {FORM}, ")
    assert "pass-of-ann" not in failed.value.detail
    assert waits == []


def test_a_proxy_that_does_not_listen_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    [port] = free_ports(1)
    monkeypatch.setenv("HTTP_PROXY", f"http://ann:pass-of-ann@127.0.0.1:{port}")
    signed = SignedRequest(method="GET", url=NOWHERE + QUERY)
    with pytest.raises(PresignError) as failed:
        Store(Retries(tries=1)).send(lambda: signed)

    text = "is behind a proxy that cannot be reached, which HTTP_PROXY names."
    assert failed.value.detail == f"The store {text}"


@pytest.mark.parametrize("host", ["store.test.", "store.test.:9000", "store.test:80", "[::1]:9000"])
def test_the_host_is_sent_as_it_was_signed(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with store_that(sends(OK)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)

        assert got(StoreHttp(), f"http://{host}") == b"12345"

    [request] = proxy.requests
    assert [line for line in request.split("\r\n") if line.lower().startswith("host:")] == [
        f"Host: {host}"
    ]


@pytest.mark.parametrize("place", ["127.0.0.1", "LocalHost", "[::1]"])
def test_a_host_that_needs_no_proxy_gets_its_name_as_signed(http: StoreHttp, place: str) -> None:
    listens_at = "::1" if place == "[::1]" else "127.0.0.1"
    with store_that(sends(OK), host=listens_at) as store:
        host = f"{place}:{store.url.rpartition(':')[2]}"

        assert got(http, f"http://{host}") == b"12345"

    lines = store.requests[0].split("\r\n")
    assert [line for line in lines if line.lower().startswith("host:")] == [f"Host: {host}"]


@pytest.mark.parametrize("raw", ["Åé\u2028".encode(), "Åé".encode("latin-1")])
def test_a_header_is_utf_8_if_it_can_be(http: StoreHttp, raw: bytes) -> None:
    named = OK.replace(b"\r\n\r\n", b"\r\nx-amz-meta-name: " + raw + b"\r\n\r\n")
    with store_that(sends(named)) as store, http.answer("HEAD", store.url + QUERY, {}) as answer:
        assert answer.headers["x-amz-meta-name"].startswith("Åé")


def test_http_without_a_pool_reaches_no_store() -> None:
    """What goes by a proxy of the caller's own must not go around it."""
    fake = Fake()
    presign = httpx.Client(transport=httpx.MockTransport(fake.answer))
    with Presign("https://presign.test", TOKEN, http=presign) as client:
        assert client.whoami().subject == "tests"
        with pytest.raises(ValueError, match="For the store give `pool`, too"):
            client.head("reports", "a.csv")


class Signs:
    """presign, whose URL is always the same one."""

    def __init__(self, origin: str) -> None:
        self._signed = SignedRequest(method="GET", url=origin + QUERY)

    def signed(self, _: str, **__: object) -> SignedRequest:
        return self._signed


def ranges_of(origin: str) -> Ranges:
    signs: Any = Signs(origin)
    return Ranges(signs, Store(Retries(sleep=lambda _: None)), "reports", "a.csv")


@pytest.mark.parametrize("end", [Connection.end, Connection.reset])
@pytest.mark.parametrize("secure", [False, True])
def test_a_connection_that_dies_after_each_megabyte_is_no_failure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Connection], None],
    *,
    secure: bool,
) -> None:
    content, requested = os.urandom(8 * MIB + 5), []

    def answer(connection: Connection, _: int) -> None:
        first = int(connection.head.partition("bytes=")[2].partition("-")[0])
        requested.append(first)
        length = len(content) - first
        connection.send(f"HTTP/1.1 206 OK\r\ncontent-length: {length}\r\n\r\n".encode())
        connection.send(content[first : first + MIB])
        end(connection)

    context = make_tls_context(tmp_path) if secure else None
    if secure:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    received = bytearray()
    with store_that(answer, context) as store:
        ranges_of(store.url).read(0, len(content), "", received.extend)

    assert received == content
    assert requested == [start * MIB for start in range(9)]  # no byte twice


def test_a_store_that_sends_more_than_asked_is_refused() -> None:
    with store_that(sends(OK)) as store, pytest.raises(PresignError, match="send the range"):
        ranges_of(store.url).read(0, 4, "", print)


def test_chunks_beyond_the_length_are_refused_before_they_are_taken() -> None:
    """Of an answer in chunks of HTTP the length that its header says is not the real one."""
    both = b"HTTP/1.1 206 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"
    taken: list[bytes] = []
    with (
        store_that(sends(both + b"9\r\n123456789\r\n0\r\n\r\n")) as store,
        pytest.raises(PresignError, match="send the range"),
    ):
        ranges_of(store.url).read(0, 5, "", taken.append)

    assert taken == []
