"""CORS: pages of other origins that may call."""

from collections.abc import Collection, Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Scope, Send


def rules_for(origins: Collection[str]) -> CORSMiddleware | None:
    """Return the rules for pages of these origins. No answer lets them send cookies."""
    if not origins:
        return None
    return CORSMiddleware(
        Starlette(),  # never called: `apply` uses the rules
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=["*"],  # an upload's own, such as `x-amz-meta-…`, are not known in advance
        expose_headers=["X-Request-ID", "Retry-After", "WWW-Authenticate"],
    )


def apply(rules: CORSMiddleware, scope: Scope, send: Send) -> tuple[Response | None, Send]:
    """Return the response if this is a preflight request, and a `send` that adds the headers.

    As the middleware's own `__call__`, without a coroutine around each request.
    """
    headers = Headers(scope=scope)
    asks_for = {"origin", "access-control-request-method"}
    if scope["method"] == "OPTIONS" and asks_for <= {*headers.keys()}:
        return rules.preflight_response(headers), send
    return None, partial(rules.send, send=send, request_headers=headers)


def headers_for(
    rules: CORSMiddleware | None, request_headers: Sequence[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response that `apply` does not see: the server's own.

    `request_headers` have names in lower case, and may be the first ones of a head.
    """
    origin = Headers(raw=list(request_headers)).get("origin")
    if rules is None or origin is None or not rules.is_allowed_origin(origin):
        return []
    headers = MutableHeaders(rules.simple_headers)
    rules.allow_explicit_origin(headers, origin)
    return headers.raw
