"""The shortcut: a signing call goes past FastAPI, Starlette and their middleware, straight to its route.

It stands before all of them and knows by heart each `SigningRoute` that has no parameter in its path.
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

from service.api.admission import Places
from service.api.envelope import begin, fault, headers_of_a_reply
from service.api.metering import GONE, RequestObserver
from service.api.problems import refusal
from service.api.signing_route import Call, SigningRoute
from service.errors import PresignError

_ORIGIN: Final = b"origin"


class Shortcut:
    """Pure ASGI, outside of everything; `app` is the long way."""

    def __init__(
        self, app: ASGIApp, routes: Iterable[BaseRoute], places: Places, metrics: RequestObserver
    ) -> None:
        self.app = app
        self._places = places
        self._metrics = metrics
        self._routes = {
            (method, route.path): route
            for route in routes
            if isinstance(route, SigningRoute) and not route.param_convertors
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
        route: SigningRoute,
        named: Mapping[bytes, bytes],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        began, status = time.perf_counter(), GONE
        self._metrics.request_began()
        request_id = begin(scope, named.get(b"x-request-id"), named.get(b"traceparent"))
        try:
            self._places.take()
            try:
                response = await route.respond(Call(scope, receive))
                status = await _send(response, request_id, send)
            finally:
                self._places.leave()
        except PresignError as error:
            status = await _send(refusal(error, request_id), request_id, send)
        except ClientDisconnect:
            pass  # nobody is there to be answered, and no fault is ours
        except Exception:  # noqa: BLE001 - `fault` logs it
            status = await _send(fault(request_id), request_id, send)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.request_ended(route.path, scope["method"], status, seconds)


async def _send(response: Response, request_id: str, send: Send) -> int:
    status = response.status_code
    headers = [*response.raw_headers, *headers_of_a_reply(request_id)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
    return status
