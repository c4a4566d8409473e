"""What every reply carries, whoever wrote it: an id, and headers that keep a signed URL private.

Pure ASGI. Starlette's own handler for what nobody caught stands outside all middleware, and its
reply would have none of this: so nothing is left for it to catch.
"""

import logging
import re
import secrets
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import tracing
from service.api.problems import internal_error

log = logging.getLogger(__name__)

_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_FIXED: Final = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class Envelope:
    """Gives each reply its id and its headers. Outermost."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        tracing.CURRENT.set(tracing.RequestContext(request_id, headers.get("traceparent")))
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers_of_a_reply(request_id)]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def headers_of_a_reply(request_id: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-request-id", request_id.encode()), *_FIXED]


class FaultBarrier:
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
        except Exception:
            request_id = scope["state"]["request_id"]
            # Locals are never logged, and an exception's words go through redaction.py.
            log.exception("request %s failed", request_id)
            if not started:
                await internal_error(request_id)(scope, receive, send)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _ACCEPTABLE_ID.fullmatch(given) else secrets.token_hex(16)
