"""Clients that upload to the service are redirected, and the store gets the whole body."""

import http.client
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
import pytest
import requests

from service.api.discarding import MAX_DISCARDED_BYTES
from tests.server.redirected_uploads import Store, run_store
from tests.support.socket_server import (
    LIVEZ,
    PATIENCE,
    RawClient,
    RunningServer,
    make_post,
    run_server,
    wait_until,
)

MIB: Final = 1024 * 1024
SIZE: Final = 8 * MIB  # more than is read before the redirect, and than the kernel buffers
PUT: Final = b"PUT /redirected HTTP/1.1\r\nhost: a\r\n"
CHUNKED: Final = PUT + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module", name="store")
def _store() -> Iterator[Store]:
    with run_store() as store:
        yield store


@pytest.fixture(name="server")
def _server() -> Iterator[RunningServer]:
    """Fresh, because its tests count bytes."""
    with run_server() as server:
        yield server


def make_put(body: bytes, *, length: int | None = None) -> bytes:
    return PUT + b"content-length: %d\r\n\r\n" % (length or len(body)) + body


@contextmanager
def curl(directory: Path, size: int, url: str, *options: str) -> Iterator[list[str]]:
    """Upload a file of `size` bytes. At the end the list has the statuses that curl saw."""
    file = directory / "file"
    file.touch()
    os.truncate(file, size)  # sparse
    command = ["curl", "-q", "-sS", "-L", "-D", "-", "--noproxy", "*", "-m", f"{PATIENCE:g}"]
    statuses = list[str]()
    with subprocess.Popen(
        [*command, *options, "-T", file, url], stdout=subprocess.PIPE, text=True
    ) as process:
        yield statuses
        shown, _ = process.communicate()
    assert process.returncode == 0
    statuses += [line.split()[1] for line in shown.splitlines() if line.startswith("HTTP/")]


def test_curl_sends_a_long_file_to_the_store_only(
    server: RunningServer, store: Store, tmp_path: Path
) -> None:
    url = store.redirect(server)
    with curl(tmp_path, 100 * MIB, url, "--expect100-timeout", f"{PATIENCE:g}") as statuses:
        pass
    assert statuses == ["307", "100", "200"]
    assert store.uploads.pop() == ("PUT", 100 * MIB)
    assert server.discarded == 0


def test_curl_is_redirected_while_it_sends(
    server: RunningServer, store: Store, tmp_path: Path
) -> None:
    """It begins after a second without a response, and a cold caller may wait longer."""
    with curl(tmp_path, 100 * MIB, store.redirect(server, held=True)) as statuses:
        wait_until(lambda: any(p.flow.read_paused for p in server.protocols))
        server.hold.set()
    assert statuses[0] == "307"
    assert store.uploads.pop() == ("PUT", 100 * MIB)
    assert server.discarded > 0


@pytest.mark.parametrize("size", [1, MIB, SIZE])
def test_curl_without_expect_is_redirected(
    server: RunningServer, store: Store, tmp_path: Path, size: int
) -> None:
    with curl(tmp_path, size, store.redirect(server), "-H", "Expect:") as statuses:
        pass
    assert statuses == ["307", "200"]
    assert store.uploads.pop() == ("PUT", size)


@pytest.mark.parametrize("size", [1, MIB, SIZE])
def test_httpx_is_redirected(server: RunningServer, store: Store, size: int) -> None:
    with httpx.Client(follow_redirects=True, trust_env=False, timeout=PATIENCE) as client:
        assert client.put(store.redirect(server), content=b"x" * size).status_code == 200
    assert store.uploads.pop() == ("PUT", size)


@pytest.mark.parametrize("size", [1, MIB, SIZE])
def test_requests_is_redirected(server: RunningServer, store: Store, size: int) -> None:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.put(store.redirect(server), data=b"x" * size, timeout=PATIENCE)
    assert answer.status_code == 200
    assert store.uploads.pop() == ("PUT", size)


def test_http_client_sees_the_redirect(server: RunningServer) -> None:
    connection = http.client.HTTPConnection(*server.address, timeout=PATIENCE)
    connection.request("PUT", "/redirected", body=b"x" * SIZE)
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("connection")) == (307, "close")
    connection.close()


def test_a_connection_outlasts_a_body_of_one_mib(server: RunningServer) -> None:
    with server.connect() as client:
        assert client.request(make_put(b"x" * MAX_DISCARDED_BYTES)).status == 307
        assert server.discarded == MAX_DISCARDED_BYTES
        assert client.request(LIVEZ).status == 200


@pytest.mark.parametrize(
    "sent",
    [make_put(b"", length=MAX_DISCARDED_BYTES + 1), CHUNKED + b"5\r\nhello\r\n"],
    ids=["long", "chunked"],
)
def test_a_long_body_is_redirected_at_once(server: RunningServer, sent: bytes) -> None:
    with server.connect() as client:
        answer = client.request(sent)
        assert (answer.status, answer.headers["connection"]) == (307, "close")
        assert client.ends()


def test_a_short_body_that_comes_slowly_is_redirected(server: RunningServer) -> None:
    with server.connect() as client:
        client.send(make_put(b"", length=5))
        for byte in b"hello":
            assert client.is_silent(0.05)
            client.send(bytes([byte]))
        assert client.answer().status == 307
        assert server.discarded == 5


def test_a_long_body_that_comes_slowly_ends_with_the_linger_time() -> None:
    with run_server(linger_seconds=0.2) as server, server.connect() as client:
        assert client.request(make_put(b"x", length=SIZE)).status == 307
        with suppress(OSError):  # a reset, at the end
            while server.protocols:
                client.send(b"x")
                time.sleep(0.02)
        wait_until(lambda: not server.protocols)


@pytest.mark.parametrize("head", [make_put(b"", length=10**15), CHUNKED])
def test_a_body_that_never_ends_is_read_for_the_linger_time(head: bytes) -> None:
    with run_server(linger_seconds=0.2) as server, server.connect() as client:
        assert client.request(head).status == 307
        piece = b"%x\r\n%s\r\n" % (MIB, b"x" * MIB)
        with suppress(OSError):
            while server.protocols:
                client.send(piece)
        wait_until(lambda: not server.protocols)


@pytest.mark.parametrize("size", [70_000, SIZE])
def test_each_byte_after_a_413_is_counted(server: RunningServer, size: int) -> None:
    with server.connect() as client:
        assert client.request(make_post("/v1/download-urls", b"x" * size)).status == 413
        wait_until(lambda: server.discarded == size)


def test_a_body_that_is_used_is_not_counted(client: RawClient, server: RunningServer) -> None:
    assert client.request(make_post("/echo", b"x" * MIB)).status == 200
    assert server.discarded == 0
