"""A request to a hook goes to a checked address, ends in time, and follows nobody."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from service import __version__
from service.protocols.arrivals import sender as module
from service.protocols.arrivals.sender import MAX_ANSWER_BYTES, NotSent, Sender
from tests.support import stub_server
from tests.support.stub_server import response, sends


@asynccontextmanager
async def sending() -> AsyncIterator[Sender]:
    sender = Sender()
    yield sender
    await sender.close()


async def test_a_hook_gets_headers_and_body() -> None:
    async with (
        stub_server.serving(sends(response(status="202 Accepted"))) as stub,
        sending() as one,
    ):
        status = await one.post(f"{stub.origin}/a?b=%2F", {"webhook-id": "evt_1"}, b'{"a": 1}')
    head, _, body = stub.requests[0].partition("\r\n\r\n")
    assert (status, body) == (202, '{"a": 1}')
    assert head.startswith("POST /a?b=%2F HTTP/1.1\r\n")
    assert "webhook-id: evt_1" in head


async def test_a_hook_gets_json_from_presign() -> None:
    async with stub_server.serving(sends(response())) as stub, sending() as one:
        await one.post(stub.origin, {}, b"{}")
    head = stub.requests[0].lower().split("\r\n")
    assert "content-type: application/json" in head
    assert f"user-agent: presign/{__version__}" in head


async def test_a_redirect_is_not_followed() -> None:
    async with stub_server.serving(sends(b"")) as stub, sending() as one:
        moved = f"Location: {stub.origin}/elsewhere"
        stub.answer = sends(response(b"", moved, status="307 Temporary Redirect"))
        assert await one.post(f"{stub.origin}/a", {}, b"{}") == 307
    assert len(stub.requests) == 1


async def test_a_long_answer_is_cut_off() -> None:
    async with stub_server.serving(sends(b"")) as stub, sending() as one:
        sent = 0

        async def answer(writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while sent < 10**9:
                writer.write(b" " * 65536)
                sent += 65536
                await writer.drain()

        stub.answer = answer
        assert await one.post(stub.origin, {}, b"{}") == 200
    assert MAX_ANSWER_BYTES < sent < 10**8


async def test_an_answer_of_a_byte_at_a_time_is_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.3)

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with stub_server.serving(trickle) as stub, sending() as one:
        with pytest.raises(NotSent, match="it took too long"):
            await one.post(stub.origin, {}, b"{}")


async def test_a_hook_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.2)

    async def hang(_: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with stub_server.serving(hang) as stub, sending() as one:
        with pytest.raises(NotSent, match="it took too long"):
            await one.post(stub.origin, {}, b"{}")


async def test_nobody_listens_is_a_failure_without_an_address() -> None:
    async with stub_server.serving(sends(b"")) as stub:
        gone = stub.origin
    async with sending() as one:
        with pytest.raises(NotSent) as failed:
            await one.post(gone, {}, b"{}")
    assert "127.0.0.1" not in str(failed.value)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xA9FEA9FE", "[::ffff:169.254.169.254]", "0.0.0.0"]
)
async def test_an_address_of_metadata_is_never_connected_to(host: str) -> None:
    async with sending() as one:
        with pytest.raises(NotSent, match=r"an address that no hook may have|InvalidUrl"):
            await one.post(f"http://{host}:1/latest", {}, b"{}")


async def test_a_name_that_resolves_to_metadata_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected = list[Any]()

    def look_up(*_: Any) -> list[Any]:
        return [(2, 1, 6, "", ("169.254.169.254", 80))]

    monkeypatch.setattr(module, "_look_up", look_up)
    monkeypatch.setattr(socket, "socket", connected.append)
    async with sending() as one:
        with pytest.raises(NotSent, match="an address that no hook may have"):
            await one.post("http://hooks.example/", {}, b"{}")
    assert connected == []


async def test_a_name_that_resolves_to_metadata_later_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses = ["127.0.0.1", "169.254.169.254"]
    async with stub_server.serving(sends(response(b"", "Connection: close"))) as stub:
        port = int(stub.origin.rpartition(":")[2])

        def look_up(*_: Any) -> list[Any]:
            return [(2, 1, 6, "", (addresses.pop(0), port))]

        monkeypatch.setattr(module, "_look_up", look_up)
        async with sending() as one:
            url = f"http://hooks.example:{port}/"
            assert await one.post(url, {}, b"{}") == 200
            async with (await one._opened()).for_a_call() as client:
                assert isinstance(client.connector, aiohttp.TCPConnector)
                client.connector.clear_dns_cache()  # it lasts for ten seconds
            with pytest.raises(NotSent, match="an address that no hook may have"):
                await one.post(url, {}, b"{}")
    assert (len(stub.requests), addresses) == (1, [])


async def test_a_name_is_connected_to_as_it_was_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stub_server.serving(sends(response())) as stub, sending() as one:
        port = int(stub.origin.rpartition(":")[2])
        looked_up = list[str]()

        def look_up(host: str, *_: Any) -> list[Any]:
            looked_up.append(host)
            return [(2, 1, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(module, "_look_up", look_up)
        assert await one.post(f"http://hooks.example:{port}/", {}, b"{}") == 200
    assert looked_up == ["hooks.example"]


class SlowNames:
    """Counts look-ups. Each takes until `may_answer` is set, and leads to `port`, or nowhere."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.port: int | None = None
        self.may_answer = threading.Event()
        self.began = asyncio.Event()
        self.looked_up = 0
        self._loop = asyncio.get_running_loop()
        monkeypatch.setattr(module, "_look_up", self._look_up)

    def _look_up(self, *_: Any) -> list[Any]:
        self.looked_up += 1
        self._loop.call_soon_threadsafe(self.began.set)
        self.may_answer.wait(10)
        if self.port is None:
            raise socket.gaierror
        return [(2, 1, 6, "", ("127.0.0.1", self.port))]

    async def sent_after_one_gave_up(self, one: Sender) -> list[int | BaseException]:
        """Return what three requests get that begin after another has given up the look-up."""
        url = f"http://hooks.example:{self.port or 80}/"
        hasty = asyncio.ensure_future(one.post(url, {}, b"{}"))
        await self.began.wait()
        hasty.cancel()
        await asyncio.wait([hasty])
        others = [asyncio.ensure_future(one.post(url, {}, b"{}")) for _ in range(3)]
        for _ in range(32):  # turns of the loop, until all wait for the address
            await asyncio.sleep(0)
        self.may_answer.set()
        return await asyncio.gather(*others, return_exceptions=True)


async def test_requests_that_wait_or_give_up_share_one_look_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = SlowNames(monkeypatch)
    async with stub_server.serving(sends(response())) as stub, sending() as one:
        names.port = int(stub.origin.rpartition(":")[2])
        assert await names.sent_after_one_gave_up(one) == [200] * 3
    assert names.looked_up == 1


async def test_a_failed_look_up_fails_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    names = SlowNames(monkeypatch)
    async with sending() as one:
        outcomes = await names.sent_after_one_gave_up(one)
    assert [type(each) for each in outcomes] == [NotSent] * 3
    assert names.looked_up == 1


async def test_a_proxy_of_the_environment_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with (
        stub_server.serving(sends(response())) as stub,
        stub_server.serving(sends(response(status="502 Bad Gateway"))) as proxy,
        sending() as one,
    ):
        monkeypatch.setenv("http_proxy", proxy.origin)
        assert await one.post(stub.origin, {}, b"{}") == 200
    assert (len(stub.requests), proxy.requests) == (1, [])


async def test_a_hook_needs_a_trusted_certificate(tmp_path: Path) -> None:
    context: ssl.SSLContext = stub_server.make_tls_context(tmp_path)
    async with stub_server.serving(sends(response()), context) as stub, sending() as one:
        with pytest.raises(NotSent):
            await one.post(stub.origin, {}, b"{}")
        one.trust(tmp_path / "ca.crt")
        assert await one.post(stub.origin, {}, b"{}") == 200


async def test_what_is_trusted_while_the_client_opens_counts(tmp_path: Path) -> None:
    context = stub_server.make_tls_context(tmp_path)
    async with stub_server.serving(sends(response()), context) as stub, sending() as one:
        sent = asyncio.ensure_future(one.post(stub.origin, {}, b"{}"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the old authorities are read in a thread
        one.trust(tmp_path / "ca.crt")
        assert await sent == 200


async def test_another_certificate_must_be_trusted_again(tmp_path: Path) -> None:
    contexts = []
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        contexts.append(stub_server.make_tls_context(tmp_path / name))
    answer = sends(response(b"", "Connection: close"))
    async with stub_server.serving(answer, contexts[0]) as stub, sending() as one:
        one.trust(tmp_path / "before" / "ca.crt")
        assert await one.post(stub.origin, {}, b"{}") == 200
        # The next connection gets another one.
        contexts[0].load_cert_chain(tmp_path / "after" / "ca.crt", tmp_path / "after" / "key")
        with pytest.raises(NotSent, match="Certificate"):
            await one.post(stub.origin, {}, b"{}")
        one.trust(tmp_path / "after" / "ca.crt")
        assert await one.post(stub.origin, {}, b"{}") == 200


async def test_a_broken_answer_is_a_failure() -> None:
    async with stub_server.serving(sends(b"hello\r\n\r\n")) as stub, sending() as one:
        with pytest.raises(NotSent):
            await one.post(stub.origin, {}, b"{}")
