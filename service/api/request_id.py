"""What every reply carries, whoever wrote it: an id, and headers that keep a signed URL private.

Pure ASGI. Starlette's own handler for what nobody caught stands outside all middleware, and its
reply would have none of this: so nothing is left for it to catch.
"""

import logging
import os
import re
from collections.abc import Iterable
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import internal_error
from service.telemetry import tracing

log = logging.getLogger(__name__)

_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_FIXED: Final = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class RequestIdMiddleware:
    """Gives each reply its id and its headers. Outside of all that answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = begin(scope, *_named(scope["headers"]))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers_of_a_reply(request_id)]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def begin(scope: Scope, given: bytes | None, traceparent: bytes | None) -> str:
    """Name a request, for all who answer or log; `given` is what its caller calls it."""
    request_id = _request_id(given)
    trace = None if traceparent is None else traceparent.decode("latin-1")
    tracing.CURRENT.set(tracing.RequestContext(request_id, trace))
    scope.setdefault("state", {})["request_id"] = request_id
    return request_id


def fault(request_id: str) -> Response:
    """The answer where nobody caught what was raised."""
    # Locals are never logged, and an exception's words go through redaction.py.
    log.exception("request %s failed", request_id)  # noqa: LOG004 - its callers are handlers
    return internal_error(request_id)


def headers_of_a_reply(request_id: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-request-id", request_id.encode()), *_FIXED]


class ErrorMiddleware:
    """Answers what nobody caught. Innermost, so that its reply gets all that other replies get."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except ClientDisconnect:
            return  # nobody is there to be answered, and no fault is ours
        except Exception:  # noqa: BLE001 - `fault` logs it
            response = fault(scope["state"]["request_id"])
            if not started:
                await response(scope, receive, send)


def _named(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes | None, bytes | None]:
    """What a caller calls its request, and the trace that it belongs to: the first of each."""
    given = [value for name, value in headers if name == b"x-request-id"]
    traceparent = [value for name, value in headers if name == b"traceparent"]
    return next(iter(given), None), next(iter(traceparent), None)


def _request_id(given: bytes | None) -> str:
    if given is not None and _ACCEPTABLE_ID.fullmatch(given) is not None:
        return given.decode()
    return os.urandom(16).hex()
