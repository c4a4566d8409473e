"""Fetches an issuer's keys. No other module calls issuers.

Redirects are not followed: the owner of one path on a host could send us anywhere. Messages contain
neither the URL nor the bearer token nor the response; those of httpx may contain all three.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Final, Protocol

import httpx

from service.concurrency.causes import class_names
from service.http_client.bounded import ResponseTooLong
from service.http_client.session import tls_context
from service.http_client.transport import AiohttpTransport, read_whole
from service.telemetry.spans import trace_headers

FETCH_SECONDS: Final = 5.0
MAX_BYTES: Final = 262_144  # enough for a hundred keys of 4,096 bits with certificates
_HEADERS: Final = {
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",  # so that the bytes counted are the bytes stored
    "User-Agent": "presign",
}
_MAX_WIRE_BYTES: Final = 4 * MAX_BYTES  # a line counts as 64 bytes more
_NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class KeysUnavailable(Exception):
    """The keys cannot be fetched. The message contains no secret and may be logged."""


class JwksSource(Protocol):
    async def fetch(self) -> bytes:
        """Return the JWKS document. Raises KeysUnavailable."""


class JwksEndpoint:
    def __init__(
        self,
        url: str,
        *,
        ca_file: Path | None,
        bearer_file: Path | None,
        limit_seconds: float = FETCH_SECONDS,
    ) -> None:
        """Without `ca_file`, the default authorities are trusted.

        Proxies come from the environment.
        """
        self._url = url
        self._bearer_file = bearer_file
        self._limit_seconds = limit_seconds
        self._ca_file = ca_file

    async def fetch(self) -> bytes:
        headers = self._bearer() | trace_headers()
        try:
            async with asyncio.timeout(self._limit_seconds):
                return await self._answer(headers)
        except KeysUnavailable:
            raise
        except ResponseTooLong:
            raise KeysUnavailable(f"the response is longer than {MAX_BYTES} bytes") from None
        except TimeoutError:
            raise KeysUnavailable(f"no response within {self._limit_seconds:g} s") from None
        except Exception as error:  # noqa: BLE001 - DNS, TLS and httpx raise anything
            raise KeysUnavailable(f"no response: {class_names(error)}") from None

    async def _answer(self, headers: dict[str, str]) -> bytes:
        # A new client each time: the connection would not last until the next refresh.
        async with (
            await self._client() as client,
            client.stream("GET", self._url, headers=headers) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise KeysUnavailable(f"the response has status {response.status_code}")
            return await read_whole(response, MAX_BYTES)

    async def _client(self) -> httpx.AsyncClient:
        secure = self._url.startswith("https:")
        tls = await asyncio.to_thread(self._authorities) if secure else _NO_AUTHORITIES
        return httpx.AsyncClient(
            transport=AiohttpTransport(tls, connections=1, max_response_bytes=_MAX_WIRE_BYTES),
            trust_env=False,  # the transport reads the proxy
            timeout=None,  # noqa: S113 - httpx's restarts with each byte; `fetch` limits the whole
            headers=_HEADERS,
        )

    def _authorities(self) -> ssl.SSLContext:
        """Read each time, since clusters rotate their authority. Takes 20 ms, so in a thread."""
        try:
            return tls_context(self._ca_file)
        except (OSError, ValueError):  # SSL errors are OSErrors
            if self._ca_file is None:
                raise
            raise KeysUnavailable("the ca_file cannot be read") from None

    def _bearer(self) -> dict[str, str]:
        """Read each time, since the kubelet replaces the file within the hour."""
        if self._bearer_file is None:
            return {}
        try:
            bearer = self._bearer_file.read_text("ascii").strip()
        except (OSError, ValueError):
            raise KeysUnavailable("the bearer file cannot be read") from None
        if not bearer or not bearer.isprintable():
            raise KeysUnavailable("the bearer file contains no token")
        return {"Authorization": f"Bearer {bearer}"}
