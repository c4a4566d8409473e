"""How the service's own clients connect: which authorities they trust, and what they accept."""

import asyncio
import ssl
from pathlib import Path
from typing import Any, Final

import aiohttp
import httpx

from service.http_client.bounded import bound_responses

_KEEPALIVE_SECONDS: Final = 15
_READ_AHEAD: Final = 64 * 1024  # bytes, or a sixteenth as many chunks: they are parsed in one turn
_MAX_HEADERS: Final = 1200  # S3's 2 KiB of metadata are 1,043 pairs at most, without values


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return a context that trusts the authorities in the file, or the usual ones.

    Raises OSError or ValueError if it cannot be read. Takes 20 ms: on the event loop, use a thread.
    """
    if ca_file is None:
        return httpx.create_ssl_context()
    return ssl.create_default_context(cafile=ca_file)


def open_session(
    tls: ssl.SSLContext, *, max_response_bytes: int, **options: Any
) -> aiohttp.ClientSession:
    """Return a session, which can be made only while the event loop runs.

    `max_response_bytes` is for the head and the body, as they are on the wire. `options` are those
    of `TCPConnector`. A call has no deadline, and no proxy unless it names one.
    """
    connector = aiohttp.TCPConnector(ssl=tls, keepalive_timeout=_KEEPALIVE_SECONDS, **options)
    return aiohttp.ClientSession(
        connector=bound_responses(connector, max_response_bytes),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(),
        max_headers=_MAX_HEADERS,
        read_bufsize=_READ_AHEAD,
        skip_auto_headers=("Accept-Encoding", "Content-Type"),
    )


async def notice_closed_connections() -> None:
    """Let the event loop read what it has not yet: it was busy, or in Lambda it was stopped.

    Call this before a POST. aiohttp itself repeats the other methods if a connection was closed.
    """
    await asyncio.sleep(0)  # the next turn of the loop sees what has arrived
    await asyncio.sleep(0)  # and this one comes after it was read
