"""Sends the requests to hooks. Each address is checked as it is connected to.

Nothing is read from the environment: with a proxy, the address would be the proxy's to find.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from service import __version__
from service.concurrency.causes import class_names
from service.http_client.bounded import ResponseTooLong
from service.http_client.session import notice_closed_connections, open_session, tls_context
from service.http_client.shared_client import SharedClient
from service.protocols.arrivals.addresses import is_refused

SECONDS: Final = 10.0  # for the whole request, to the end of its answer
MAX_ANSWER_BYTES: Final = 4096  # of its body
_MAX_WIRE_BYTES: Final = 32 * 1024  # with its head, and the sizes of chunks
# Frameworks parse a body by its type, and refuse what has another.
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": f"presign/{__version__}"}
_REFUSED: Final = "its name leads to an address that no hook may have"
_LOOKUPS: Final = 16  # threads: a name's server may be as slow as a hook


class NotSent(Exception):
    """The hook did not answer. The message names no address, and may be logged."""


class _RefusedAddress(PermissionError):
    """No hook may have it. The system raises PermissionError too, such as for a firewall."""


class Sender:
    """One client for all hooks."""

    def __init__(self) -> None:
        self._ca_bundle: Path | None = None
        self._trust_changes = 0
        self._opening = asyncio.Lock()
        self._client: SharedClient[aiohttp.ClientSession] | None = None
        self._replaced: list[SharedClient[aiohttp.ClientSession]] = []

    def trust(self, ca_bundle: Path | None) -> None:
        """Trust the authorities that are now in the file, or the usual ones, from now on."""
        self._ca_bundle = ca_bundle
        self._trust_changes += 1
        self._replaced += [] if self._client is None else [self._client]
        self._client = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status of the answer. Raises NotSent."""
        try:
            async with asyncio.timeout(SECONDS), (await self._opened()).for_a_call() as client:
                return await _post(client, url, headers, body)
        except TimeoutError:
            raise NotSent("it took too long") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            is_refused_address = isinstance(getattr(error, "os_error", None), _RefusedAddress)
            raise NotSent(_REFUSED if is_refused_address else class_names(error)) from None

    async def close(self) -> None:
        """Close each connection after its request."""
        self.trust(None)
        await self._retire_replaced()

    async def _opened(self) -> SharedClient[aiohttp.ClientSession]:
        async with self._opening:
            await self._retire_replaced()
            while self._client is None:
                trusted = self._trust_changes
                tls = await asyncio.to_thread(tls_context, self._ca_bundle)
                if trusted == self._trust_changes:  # not replaced meanwhile
                    self._client = _client(tls)
            return self._client

    async def _retire_replaced(self) -> None:
        while self._replaced:
            await self._replaced.pop().retire()


async def _post(
    client: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: bytes
) -> int:
    await notice_closed_connections()
    sent = {**_HEADERS, **headers}
    async with client.post(
        URL(url, encoded=True), headers=sent, data=body, allow_redirects=False
    ) as answer:
        received = 0
        with suppress(ResponseTooLong):
            while received <= MAX_ANSWER_BYTES:
                chunk = await answer.content.read(MAX_ANSWER_BYTES + 1 - received)
                if not chunk:
                    return answer.status
                received += len(chunk)
        answer.close()  # with its connection, and what else it would send
        return answer.status


def _client(tls: ssl.SSLContext) -> SharedClient[aiohttp.ClientSession]:
    lookups = _Lookups()
    session = open_session(
        tls,
        max_response_bytes=_MAX_WIRE_BYTES,
        limit=0,  # each hook has its own
        resolver=lookups,
        socket_factory=_checked_socket,
    )

    async def close() -> None:
        await session.close()
        await lookups.close()

    return SharedClient(session, close)


def _checked_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket to connect to the address with. Raises OSError for one that is refused."""
    family, kind, protocol, _, at = address
    if is_refused(str(at[0])):
        raise _RefusedAddress
    return socket.socket(family=family, type=kind, proto=protocol)


class _Lookups(AbstractResolver):
    """Looks names up in threads of its own. The connector asks once at a time for each name."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="hook-lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses. Raises OSError."""
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(
            self._threads, _look_up, host, port, family, socket.SOCK_STREAM
        )
        return [
            {
                "hostname": host,
                "host": str(address[0]),
                "port": port,
                "family": int(kind),
                "proto": protocol,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for kind, _, protocol, _, address in answers
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: int, kind: int) -> list[Any]:
    return socket.getaddrinfo(host, port, family, kind, flags=socket.AI_ADDRCONFIG)
