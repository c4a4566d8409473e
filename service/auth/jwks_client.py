"""Fetches an issuer's keys. The only place where an issuer is spoken to.

No redirect is followed, or whoever controls one path of a host could send us anywhere. A failure's
words hold neither the URL nor the bearer nor anything of the answer: httpx's own may hold all three.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Final, Protocol

import httpx

FETCH_SECONDS: Final = 5.0
MAX_BYTES: Final = 262_144  # a hundred keys of 4,096 bits, with certificates, stay under it
_HEADERS: Final = {
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",  # what is counted is then what is kept
    "User-Agent": "presign",
}


class KeysUnavailable(Exception):
    """The keys cannot be fetched. The words hold no secret and may be logged."""


class JwksSource(Protocol):
    async def fetch(self) -> bytes:
        """The JWKS as it stands, or `KeysUnavailable`."""


class JwksEndpoint:
    def __init__(
        self,
        url: str,
        *,
        ca_file: Path | None,
        bearer_file: Path | None,
        limit_seconds: float = FETCH_SECONDS,
    ) -> None:
        """Without `ca_file`, the usual authorities. Proxies are taken from the environment."""
        self._url = url
        self._bearer_file = bearer_file
        self._limit_seconds = limit_seconds
        self._ca_file = ca_file

    async def fetch(self) -> bytes:
        headers = self._bearer()
        try:
            async with asyncio.timeout(self._limit_seconds):
                return await self._answer(headers)
        except KeysUnavailable:
            raise
        except TimeoutError:
            raise KeysUnavailable(f"no answer within {self._limit_seconds:g} s") from None
        except Exception as error:  # noqa: BLE001 - whatever DNS, TLS or httpx come up with
            raise KeysUnavailable(f"no answer: {type(error).__name__}") from None

    async def _answer(self, headers: dict[str, str]) -> bytes:
        """By a client of its own each time: ten minutes later its connection would be gone anyway."""
        async with (
            await self._client() as client,
            client.stream("GET", self._url, headers=headers) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise KeysUnavailable(f"the answer has status {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise KeysUnavailable(f"the answer is longer than {MAX_BYTES} bytes")
            return bytes(body)

    async def _client(self) -> httpx.AsyncClient:
        secure = self._url.startswith("https:")
        return httpx.AsyncClient(
            verify=await asyncio.to_thread(self._authorities) if secure else False,
            trust_env=secure,  # a proxy must not see, or make, what is not encrypted
            timeout=None,  # noqa: S113 - `fetch` has a limit for all of it; httpx's starts again with each byte
            headers=_HEADERS,
        )

    def _authorities(self) -> ssl.SSLContext:
        """Read each time, since a cluster's authority is rotated. In a thread: it takes some 20 ms."""
        if self._ca_file is None:
            return httpx.create_ssl_context()
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except (OSError, ValueError):  # of SSL's errors each is an OSError
            raise KeysUnavailable("the ca_file cannot be read") from None

    def _bearer(self) -> dict[str, str]:
        """Read each time, for the kubelet replaces the file within the hour."""
        if self._bearer_file is None:
            return {}
        try:
            bearer = self._bearer_file.read_text("ascii").strip()
        except (OSError, ValueError):
            raise KeysUnavailable("the bearer file cannot be read") from None
        if not bearer or not bearer.isprintable():
            raise KeysUnavailable("the bearer file holds no token")
        return {"Authorization": f"Bearer {bearer}"}
