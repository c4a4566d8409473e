"""The HTTP to presign, over real sockets: proxies, certificates, failures, and what is logged."""

import gzip
import json
import logging
import re
import socket
import ssl
import tracemalloc
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
from certifi import where
from cryptography import x509

from presign_client import Presign, PresignError, Retries
from presign_client.given_http import GivenHttp
from presign_client.pools import _new_manager
from presign_client.proxies import FORM
from presign_client.service_http import MAX_ANSWER, NoReplyError, Reply, ServiceHttp
from presign_client.stopping import stopped_by
from tests.client.fake import TOKEN
from tests.client.socket_store import Answer, Connection, SocketStore, sends, store_that
from tests.support.late import again_if_late, within
from tests.support.processes import free_ports
from tests.support.stub_server import make_tls_context

NOWHERE = "http://presign.test"  # no such host: only a proxy can answer
NO_PASSWORD = (
    "The proxy's password is missing or wrong (HTTP 407). "
    "Its URL has USER:PASSWORD@ before the host."
)
CALLER = {"subject": "tests", "grants": []}


def answer_of(document: object, *headers: str, status: str = "200 OK") -> bytes:
    body = json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


OK = answer_of(CALLER)


def client_of(url: str, waits: list[float] | None = None) -> Presign:
    slept = [] if waits is None else waits
    return Presign(url, TOKEN, retries=Retries(sleep=slept.append, random=lambda: 0.5))


def subject(url: str) -> str:
    with client_of(url) as presign:
        return presign.whoami().subject


def refusal(url: str) -> PresignError:
    """Return the error of a call, which shows no token."""
    with client_of(url) as presign, pytest.raises(PresignError) as failed:
        presign.whoami()
    assert TOKEN not in str(failed.value)
    return failed.value


def lines_of(store: SocketStore) -> list[str]:
    return store.requests[0].lower().split("\r\n")


def test_calls_share_a_connection() -> None:
    with store_that(sends(OK)) as service, client_of(service.url) as presign:
        assert [presign.whoami().subject for _ in range(3)] == ["tests"] * 3

    assert service.connections == 1
    assert {f"authorization: bearer {TOKEN}", "accept: */*"} <= {*lines_of(service)}


def test_threads_of_transfers_call_by_the_same_connection() -> None:
    """Else a large download would begin with another handshake."""
    with store_that(sends(OK)) as service, client_of(service.url) as presign:
        assert presign.whoami() == stopped_by(Event(), presign.whoami)()

    assert service.connections == 1


def test_a_body_is_json_with_its_length() -> None:
    bodies = []

    def answer(connection: Connection, _: int) -> None:
        bodies.append(connection.body)
        connection.send(answer_of({"method": "GET", "url": "https://store.test/", "headers": {}}))

    with store_that(answer) as service, client_of(service.url) as presign:
        presign.download_url("reports", "ä b.csv")

    assert bodies == ['{"bucket":"reports","key":"ä b.csv"}'.encode()]
    assert {"content-type: application/json", f"content-length: {len(bodies[0])}"} <= {
        *lines_of(service)
    }


def test_a_path_is_sent_as_it_is_written() -> None:
    """urllib3 would leave out dot segments, and ask for another resource."""
    with store_that(sends(OK)) as service, client_of(f"{service.url}/a") as presign:
        presign.revoke_link("..")

    assert service.requests[0].startswith("DELETE /a/v1/links/.. HTTP/1.1\r\n")


def test_a_query_has_any_characters() -> None:
    page = answer_of({"prefix": "", "prefixes": [], "objects": []})
    with store_that(sends(page)) as service, client_of(service.url) as presign:
        assert list(presign.list("reports", "a b&ü/")) == []

    assert "?bucket=reports&prefix=a+b%26%C3%BC%2F&delimiter=%2F HTTP" in service.requests[0]


def test_a_name_that_is_no_utf_8_is_said() -> None:
    with client_of(NOWHERE) as presign:
        with pytest.raises(PresignError, match="not valid UTF-8"):
            list(presign.list("reports", "a\udc80"))
        with pytest.raises(PresignError, match="not valid UTF-8"):
            presign.download_url("reports", "a\udc80")


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_a_compressed_answer_is_read(encoding: str) -> None:
    body = gzip.compress(json.dumps(CALLER).encode())
    with store_that(sends(compressed(body, encoding))) as one:
        assert subject(one.url) == "tests"

    assert "accept-encoding: gzip, deflate" in lines_of(one)


def compressed(body: bytes, encoding: str) -> bytes:
    head = f"content-encoding: {encoding}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + head + body


@pytest.mark.parametrize("given", [False, True])
def test_an_answer_that_would_fill_the_memory_is_left(*, given: bool) -> None:
    bomb = gzip.compress(bytes(10 * MAX_ANSWER), compresslevel=1)
    with store_that(sends(compressed(bomb, "gzip"))) as service:
        http = GivenHttp(httpx.Client()) if given else ServiceHttp()
        tracemalloc.start()
        with pytest.raises(PresignError) as failed:
            http.send("GET", service.url, {}, None, seconds=60)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        http.close()

    assert failed.value.code == "not_presign"
    assert f"HTTP 200 from {service.url}, longer than 64 MiB:" in failed.value.detail
    assert peak < 3 * MAX_ANSWER


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip\r\nContent-Encoding: gzip", "br"])
@pytest.mark.parametrize("given", [False, True])
def test_an_answer_is_taken_in_no_other_encoding(encoding: str, *, given: bool) -> None:
    """Compressed twice, a few bytes have as many bytes as one likes in the first chunk."""
    body = gzip.compress(gzip.compress(b"{}"))
    with store_that(sends(compressed(body, encoding))) as service:
        http = GivenHttp(httpx.Client()) if given else ServiceHttp()
        with pytest.raises(PresignError, match="in an encoding that was not asked for"):
            http.send("GET", service.url, {}, None, seconds=60)
        http.close()

    assert "accept-encoding: gzip, deflate" in lines_of(service)


def test_an_answer_in_chunks_is_read_whole() -> None:
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    body = json.dumps(CALLER | {"subject": "s" * 100_000}).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (body[:7], body[7:]))
    answer = sends(head + chunks + b"0\r\n\r\n")
    with store_that(answer) as service, client_of(service.url) as presign:
        assert [len(presign.whoami().subject) for _ in range(2)] == [100_000] * 2
    assert service.connections == 1


def test_an_answer_without_a_body_keeps_the_connection() -> None:
    answer = sends(b"HTTP/1.1 204 No Content\r\n\r\n")
    with store_that(answer) as service, client_of(service.url) as presign:
        presign.revoke_link("a")
        presign.revoke_link("b")
    assert service.connections == 1


def test_an_answer_that_is_not_compressed_as_it_says_is_broken() -> None:
    with store_that(sends(answer_of(CALLER, "content-encoding: gzip"))) as service:
        assert "presign ended the connection (DecodeError)" in refusal(service.url).detail


def test_no_representation_of_an_answer_shows_what_it_has() -> None:
    assert "X-Amz" not in repr(Reply(200, {}, b'{"url": "https://store.test/?X-Amz-Signature=1"}'))


def test_answers_before_the_final_one_are_passed_over() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    with store_that(sends(early + OK)) as service:
        assert subject(service.url) == "tests"


def test_the_token_follows_no_redirect() -> None:
    with store_that(sends(OK)) as other:
        moved = answer_of({}, f"location: {other.url}/", status="307 Moved")
        with store_that(sends(moved)) as service:
            assert refusal(service.url).code == "not_presign"

    assert other.requests == []


def test_a_service_that_does_not_listen_is_tried_twice() -> None:
    [port] = free_ports(1)
    waits: list[float] = []
    presign = client_of(f"http://127.0.0.1:{port}", waits)
    with presign, pytest.raises(PresignError) as failed:
        presign.link("reports", "a.csv")  # it cannot exist yet

    address = f"http://127.0.0.1:{port}"
    text = f"Cannot connect to {address} (connection refused): is PRESIGN_URL right?"
    assert str(failed.value) == f"unreachable: {text}"
    assert waits == [0.5]


def test_an_unknown_host_is_said() -> None:
    with client_of("http://presign.invalid", []) as presign, pytest.raises(PresignError) as failed:
        presign.whoami()
    assert failed.value.detail.startswith("Cannot connect to http://presign.invalid (unknown host)")


def test_a_password_in_the_address_is_not_shown() -> None:
    [port] = free_ports(1)
    presign = client_of(f"http://:hunter2@127.0.0.1:{port}", [])
    with presign, pytest.raises(PresignError) as failed:
        presign.whoami()
    assert f"http://127.0.0.1:{port} (" in failed.value.detail
    assert "hunter2" not in failed.value.detail


def test_a_password_in_the_address_is_not_sent_as_the_host() -> None:
    with store_that(sends(OK)) as service:
        assert subject(service.url.replace("//", "//:hunter2@")) == "tests"

    assert f"host: {service.url.removeprefix('http://')}" in lines_of(service)
    assert "hunter2" not in service.requests[0]


@pytest.mark.parametrize("end", [Connection.end, Connection.reset])
def test_a_lost_answer_is_asked_for_again(end: Callable[[Connection], None]) -> None:
    def answer(connection: Connection, number: int) -> None:
        connection.send(OK) if number else end(connection)

    with store_that(answer) as service:
        assert subject(service.url) == "tests"


@pytest.mark.parametrize("sent", [b"", OK[:-5]])
def test_a_link_is_not_made_twice_for_a_lost_answer(sent: bytes) -> None:
    def answer(connection: Connection, _: int) -> None:
        connection.send(sent)
        connection.socket.shutdown(socket.SHUT_RDWR)

    with (
        store_that(answer) as service,
        client_of(service.url) as presign,
        pytest.raises(PresignError, match="presign ended the connection"),
    ):
        presign.link("reports", "a.csv")

    assert len(service.requests) == 1


def test_a_service_that_does_not_answer_is_too_slow() -> None:
    http = ServiceHttp()
    with store_that(lambda *_: None) as service, pytest.raises(NoReplyError) as failed:
        http.send("GET", service.url, {}, None, seconds=0.1)
    http.close()

    assert failed.value.error.detail == "presign did not answer in time."
    assert not failed.value.is_unsent


def test_a_private_authority_is_trusted_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store_that(sends(OK), make_tls_context(tmp_path)) as service:
        detail = refusal(service.url).detail
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))

        assert subject(service.url) == "tests"

    assert detail == (
        "presign has a TLS certificate that is not trusted here; SSL_CERT_FILE names others."
    )


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(
    ("days", "host", "why"),
    [
        (-1, "127.0.0.1", "certificate has expired"),
        (1, "localhost", "Hostname mismatch, certificate is not valid for 'localhost'"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, host: str, why: str, *, given: bool
) -> None:
    context = make_tls_context(tmp_path, ends_in_days=days)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    http = httpx.Client() if given else None
    with store_that(sends(OK), context) as service:
        url = service.url.replace("//127.0.0.1", f"//:hunter2@{host}")
        presign = Presign(url, TOKEN, retries=Retries(tries=1), http=http)
        with presign, pytest.raises(PresignError) as failed:
            presign.whoami()

    assert failed.value.detail == f"presign has a wrong TLS certificate: {why}."


def test_a_certificate_that_python_code_refuses_is_not_trusted() -> None:
    """One of truststore has no number of OpenSSL's."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no") from ssl.SSLCertVerificationError("no certificates")

    with (
        httpx.Client(transport=httpx.MockTransport(refuse)) as http,
        Presign("https://presign.test", TOKEN, http=http) as presign,
        pytest.raises(PresignError, match="a TLS certificate that is not trusted here"),
    ):
        presign.link("reports", "a.csv")


@pytest.mark.parametrize("given", [False, True])
def test_a_service_without_tls_is_said(*, given: bool) -> None:
    """OpenSSL's error 1 is none of the system, where it is "operation not permitted"."""
    with socket.create_server(("127.0.0.1", 0)) as service:
        place = f"https://127.0.0.1:{service.getsockname()[1]}"
        Thread(target=answer_in_plain, args=[service]).start()
        http = httpx.Client() if given else None
        presign = Presign(f"{place}/p", TOKEN, retries=Retries(tries=1), http=http)
        with presign, pytest.raises(PresignError) as failed:
            presign.whoami()

    [why] = re.findall(r"\(TLS failed: ([a-z0-9 ]+)\)", failed.value.detail)
    text = f"(TLS failed: {why})"
    assert failed.value.detail == (
        f"Cannot connect to {place} {text}: is PRESIGN_URL right?"
        if given
        else f"presign ended the connection {text}."
    )


def answer_in_plain(server: socket.socket) -> None:
    connection = server.accept()[0]
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("with_file", [False, True])
def test_a_directory_of_authorities_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, with_file: bool
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if with_file:  # whose authorities are trusted, too
        monkeypatch.setenv("SSL_CERT_FILE", where())
    context, directory = make_tls_context(tmp_path), tmp_path / "authorities"
    directory.mkdir()
    authority = (tmp_path / "ca.crt").read_bytes()
    # The name that OpenSSL looks for: X509_NAME_hash, of a name in lower case.
    name = x509.load_pem_x509_certificate(authority).subject.public_bytes()[2:]
    hashed = sha1(name, usedforsecurity=False).digest()[3::-1].hex()
    (directory / f"{hashed}.0").write_bytes(authority)
    with store_that(sends(OK), context) as service:
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        assert "not trusted here" in refusal(service.url).detail
        monkeypatch.setenv("SSL_CERT_DIR", str(directory))
        assert subject(service.url) == "tests"


def test_authorities_of_the_environment_replace_the_usual_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, other = make_tls_context(tmp_path), tmp_path / "other"
    other.mkdir()
    make_tls_context(other)
    monkeypatch.setenv("SSL_CERT_FILE", str(other / "ca.crt"))
    with store_that(sends(OK), context) as service:
        assert "not trusted here" in refusal(service.url).detail


def test_authorities_are_read_again_only_if_their_file_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tls_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    first, second = authorities(), authorities()
    (tmp_path / "ca.crt").rename(tmp_path / "old.crt")
    make_tls_context(tmp_path)

    assert first is second
    assert authorities() is not first


def authorities() -> object:
    """Return the TLS context of new connections to presign."""
    return _new_manager("https", None, block=True).connection_pool_kw["ssl_context"]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "ca.crt").write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))

    assert refusal("https://presign.test").detail.startswith("SSL_CERT_FILE names a file without")


@pytest.mark.parametrize("password", ["p@ss", "pä€"])
def test_a_proxy_of_the_environment_gets_its_password(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    with store_that(sends(OK)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", f"//ann:{password}@"))

        assert subject(NOWHERE) == "tests"

    assert proxy.requests[0].startswith(f"GET {NOWHERE}/v1/caller HTTP/1.1\r\n")
    words = b64encode(f"ann:{password}".encode()).decode()
    assert f"proxy-authorization: basic {words}".lower() in lines_of(proxy)


def test_no_proxy_is_asked_for_a_host_that_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with store_that(sends(OK)) as proxy, store_that(sends(OK)) as service:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)

        assert subject(service.url) == "tests"

    assert proxy.requests == []


def refuses(status: str) -> Answer:
    return sends(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("given", [False, True])
def test_a_password_that_a_proxy_refuses_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, scheme: str, *, given: bool
) -> None:
    waits: list[float] = []
    with store_that(refuses("407 not ann:pass-of-ann")) as proxy:
        place = proxy.url.replace("//", "//ann:pass-of-ann@")
        if not given:
            monkeypatch.setenv(f"{scheme.upper()}_PROXY", place)
        http = httpx.Client(proxy=place) if given else None
        presign = Presign(
            f"{scheme}://presign.test", TOKEN, retries=Retries(sleep=waits.append), http=http
        )
        with presign, pytest.raises(PresignError) as failed:
            presign.whoami()

    assert str(failed.value) == f"unreachable: {NO_PASSWORD}"
    assert failed.value.__suppress_context__
    assert waits == []


@pytest.mark.parametrize("status", ["403 not ann:pass-of-ann", "502 "])
def test_a_proxy_that_does_not_connect_is_said(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    with store_that(refuses(status)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        detail = refusal("https://presign.test").detail

    expected = f"presign is behind a proxy that does not connect to it (HTTP {status[:3]})."
    assert detail == expected


def test_a_proxy_that_refuses_a_given_client_is_said() -> None:
    with store_that(refuses("403 not ann:pass-of-ann")) as proxy:
        http = GivenHttp(httpx.Client(proxy=proxy.url.replace("//", "//ann:pass-of-ann@")))
        with pytest.raises(NoReplyError) as failed:
            http.send("GET", "https://presign.test/", {}, None, seconds=60)
        http.close()

    text = "presign is behind a proxy that does not connect to it (HTTP 403)."
    assert failed.value.error.detail == text


@again_if_late
@pytest.mark.parametrize("answer", [lambda *_: None, sends(b"HTTP/1.1 200 OK\r\n\r\n")])
def test_a_proxy_that_does_not_answer_is_too_slow(
    monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    """Whether to CONNECT, or to what follows: there is no host that speaks TLS."""
    with store_that(answer) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        http = ServiceHttp()
        with within(10), pytest.raises(NoReplyError) as failed:
            http.send("GET", "https://presign.test/", {}, None, seconds=0.2)
        http.close()

    assert failed.value.error.detail == "presign did not answer in time."


def test_a_proxy_of_another_kind_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://ann:pass-of-ann@127.0.0.1:9")
    waits: list[float] = []
    with client_of(NOWHERE, waits) as presign, pytest.raises(PresignError) as failed:
        presign.whoami()

    assert failed.value.detail.startswith(f"ALL_PROXY must look like {FORM}, ")
    assert "pass-of-ann" not in failed.value.detail
    assert waits == []


def test_a_proxy_that_does_not_listen_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    [port] = free_ports(1)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"ann:pass-of-ann@127.0.0.1:{port}")
        scheme = name.partition("_")[0].lower()
        assert str(refusal(f"{scheme}://presign.test")) == (
            f"unreachable: presign is behind a proxy that cannot be reached, which {name} names."
        )


def test_no_log_has_a_query_or_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    page = answer_of({"prefix": "", "prefixes": [], "objects": []})
    page = page.replace(b"\r\n\r\n", b"\r\nno header\r\n\r\n")
    with store_that(sends(page)) as service, client_of(service.url) as presign:
        assert list(presign.list("reports", "of-a-customer/")) == []

    assert "Starting new HTTP connection" in caplog.text
    assert "Failed to parse headers" in caplog.text
    assert "of-a-customer" not in caplog.text
    assert TOKEN not in caplog.text
