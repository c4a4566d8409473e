"""How long each answer took, by the route's own path: what a caller wrote is no label."""

import time
from typing import Final, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNKNOWN: Final = "none"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_CLOSED_REQUEST: Final = 499  # nginx's number for a client that did not wait for its answer


class RequestObserver(Protocol):
    def request_began(self) -> None: ...

    def request_ended(self, route: str, method: str, status: int, seconds: float) -> None: ...


class MetricsMiddleware:
    """Pure ASGI. Outermost, so that nothing is left out."""

    def __init__(self, app: ASGIApp, metrics: RequestObserver) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self._metrics.request_began()
        began, status = time.perf_counter(), CLIENT_CLOSED_REQUEST

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.request_ended(_route(scope), method, status, time.perf_counter() - began)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", UNKNOWN)
