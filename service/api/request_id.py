"""The request id, and the headers of every response."""

import os
import re
from typing import Final

from starlette.types import Scope

from service.telemetry import tracing

_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
# In a request's state: the `Cache-Control` of its response, if it may be cached.
CACHE_CONTROL: Final = "cache_control"
_FIXED: Final = [
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


def start_request(scope: Scope) -> str:
    """Set and return the id for responses and logs: the caller's own if it is acceptable."""
    # The first of a repeated header counts.
    headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
    sent, traceparent = headers.get(b"x-request-id"), headers.get(b"traceparent")
    if sent is not None and _ACCEPTABLE_ID.fullmatch(sent) is not None:
        request_id = sent.decode()
    else:
        request_id = os.urandom(16).hex()
    trace = None if traceparent is None else traceparent.decode("latin-1")
    tracing.CURRENT.set(tracing.RequestContext(request_id, trace))
    scope.setdefault("state", {})["request_id"] = request_id
    return request_id


def response_headers(
    request_id: str, cache_control: bytes = b"no-store"
) -> list[tuple[bytes, bytes]]:
    return [(b"x-request-id", request_id.encode()), (b"cache-control", cache_control), *_FIXED]
