"""What every reply carries, whoever wrote it: an id, and headers that keep a signed URL private.

Pure ASGI, outermost: Starlette's own handler for what nobody caught stands outside all middleware,
and its reply would have none of this.
"""

import logging
import re
import secrets
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import internal_error

log = logging.getLogger(__name__)

_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_FIXED: Final = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class Envelope:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = (b"x-request-id", request_id.encode())
                message["headers"] = [*message["headers"], own, *_FIXED]
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            # The trace shows code, not data: no local variable is ever logged.
            log.exception("request %s failed", request_id)
            if not started:
                await internal_error(request_id)(scope, receive, send_with_headers)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _ACCEPTABLE_ID.fullmatch(given) else secrets.token_hex(16)
