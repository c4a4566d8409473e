"""A pool of urllib3 that sends nothing: httpx's requests, answers and failures stand for the store's."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from urllib3 import BaseHTTPResponse, HTTPResponse, PoolManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError, ProtocolError


class FakePool(PoolManager):
    """`answer` gets each request, and may raise what httpx does if there is no answer."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        super().__init__()
        self._answer = answer

    def request(  # type: ignore[override]
        self, method: str, url: str, *, body: Any = None, headers: Any = None, **_: Any
    ) -> BaseHTTPResponse:
        content = None if body is None else b"".join(bytes(chunk) for chunk in body)
        try:
            answer = self._answer(httpx.Request(method, url, headers=headers, content=content))
        except httpx.ConnectError as error:
            raise NewConnectionError(HTTPConnection("store.test"), str(error)) from None
        except httpx.TransportError as error:
            raise ProtocolError(str(error)) from None
        body = iter(()) if method == "HEAD" else answer.iter_raw()
        return HTTPResponse(
            io.BufferedReader(_Body(body)),
            headers=dict(answer.headers),
            status=answer.status_code,
            preload_content=False,
            decode_content=False,
            request_method=method,
        )


class _Body(io.RawIOBase):
    """What a socket would give, piece by piece."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            self._left = self._left or next(self._pieces, b"")
        except httpx.TransportError as error:
            raise OSError(str(error)) from None
        piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)
