"""The fast path: a signing call goes past FastAPI, Starlette and their middleware, straight to its route.

It stands before all of them and knows by heart each `ApiRoute` that has no parameter in its path.
What it does for such a call is what the long way does, in the same order and by the same functions:
measure, name, admit, answer, and put the headers of every reply on it. It is a third of the price since
nothing here wraps anything: the answer is known as a whole before its first byte is sent.

Whatever is out of the ordinary takes the long way: another path or method, a header that comes twice,
an `Origin`, which is CORS's affair. So there is no second reading of any of these.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Final

from fastapi import Response
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.concurrency import ConcurrencyLimiter, release_place
from service.api.problems import refusal
from service.api.request_id import begin, fault, headers_of_a_reply
from service.api.request_metrics import CLIENT_CLOSED_REQUEST, UNKNOWN, RequestObserver
from service.api.route import ApiRoute, AuthenticatedRequest
from service.errors import PresignError

_ORIGIN: Final = b"origin"


class FastPath:
    """Pure ASGI, outside of everything; `app` is the long way."""

    def __init__(
        self,
        app: ASGIApp,
        routes: Iterable[BaseRoute],
        limiter: ConcurrencyLimiter,
        metrics: RequestObserver,
        *,
        cors: bool = False,
    ) -> None:
        """With `cors`, caches are told that with an `Origin` a reply would have been another."""
        self.app = app
        self._more = [(b"vary", b"Origin")] if cors else []
        self._limiter = limiter
        self._metrics = metrics
        self._routes = {
            (method, route.path): route
            for route in routes
            if isinstance(route, ApiRoute) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            route = self._routes.get((scope["method"], scope["path"]))
            named = dict(scope["headers"])
            if route is not None and len(named) == len(scope["headers"]) and _ORIGIN not in named:
                await self._go(route, named, scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _go(
        self,
        route: ApiRoute,
        named: Mapping[bytes, bytes],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        began, status, path = time.perf_counter(), CLIENT_CLOSED_REQUEST, UNKNOWN
        self._metrics.request_began()
        request_id = begin(scope, named.get(b"x-request-id"), named.get(b"traceparent"))
        try:
            try:
                self._limiter.acquire()
            except PresignError as error:
                status = await self._send(refusal(error, request_id), request_id, send)
                return
            path = route.path
            try:
                response = await _respond(route, AuthenticatedRequest(scope, receive), request_id)
                if response is not None:
                    status = await self._send(response, request_id, send)
            finally:  # a place is held until the answer is sent, whatever it says
                release_place(scope, self._limiter)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.request_ended(path, scope["method"], status, seconds)

    async def _send(self, response: Response, request_id: str, send: Send) -> int:
        status = response.status_code
        headers = [*response.raw_headers, *headers_of_a_reply(request_id), *self._more]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
        return status


async def _respond(route: ApiRoute, call: AuthenticatedRequest, request_id: str) -> Response | None:
    """The answer, whatever comes of the call; None where nobody is there any more."""
    try:
        return await route.respond(call)
    except PresignError as error:
        return refusal(error, request_id)
    except ClientDisconnect:
        return None
    except Exception:  # noqa: BLE001 - `fault` logs it
        return fault(request_id)
