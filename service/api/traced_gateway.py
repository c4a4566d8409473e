"""A span of each request. It is in front of the gateway only if traces are exported."""

from typing import Final

from opentelemetry.trace import Span
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.gateway import METHODS, NOT_COUNTED
from service.api.request_state import CLIENT_CLOSED_REQUEST, state_of
from service.telemetry.spans import Spans, set_failed, trace_headers

_OTHER_METHOD: Final = "_OTHER"  # opentelemetry.io/docs/specs/semconv/http/http-spans
_SERVER_ERROR: Final = 500


class TracedGateway:
    """Pure ASGI. Health checks and scrapes get no span."""

    def __init__(self, gateway: ASGIApp, spans: Spans) -> None:
        self._gateway = gateway
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in NOT_COUNTED:
            await self._gateway(scope, receive, send)
            return
        # The first of a repeated header counts.
        sent: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        method = scope["method"] if scope["method"] in METHODS else _OTHER_METHOD
        with self._spans.request(method, sent.get(b"traceparent", b"").decode("latin-1")) as span:
            # In place of the caller's, so that log lines have the ids of this span.
            own = [(name.encode(), value.encode()) for name, value in trace_headers().items()]
            scope["headers"] = [*own, *scope["headers"]]
            try:
                await self._gateway(scope, receive, send)
            finally:
                _describe(span, method, scope)


def _describe(span: Span, method: str, scope: Scope) -> None:
    """Set the attributes, by the semantic conventions for HTTP servers."""
    state, name = state_of(scope), method
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "url.scheme": scope["scheme"],
        "presign.request_id": state.request_id,
    }
    if (route := getattr(scope.get("route"), "path", None)) is not None:
        name = f"{method} {route}"
        attributes["http.route"] = route
    if (status := state.final_status) == CLIENT_CLOSED_REQUEST:
        set_failed(span, "no_response")  # the client did not wait
    else:
        attributes["http.response.status_code"] = status
        if status >= _SERVER_ERROR:
            set_failed(span, str(status))
    span.update_name(name)
    span.set_attributes(attributes)
