"""The id of a request, and the headers of every response, whoever writes it."""

import os
import re
from typing import Final

from starlette.types import Scope

from service.telemetry import tracing

_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_FIXED: Final = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


def start_request(scope: Scope) -> str:
    """Give a request its id, for all that answer or log: the caller's own if it is acceptable."""
    headers: dict[bytes, bytes] = dict(
        reversed(scope["headers"])
    )  # of a header that is repeated, the first
    given, traceparent = headers.get(b"x-request-id"), headers.get(b"traceparent")
    if given is not None and _ACCEPTABLE_ID.fullmatch(given) is not None:
        request_id = given.decode()
    else:
        request_id = os.urandom(16).hex()
    trace = None if traceparent is None else traceparent.decode("latin-1")
    tracing.CURRENT.set(tracing.RequestContext(request_id, trace))
    scope.setdefault("state", {})["request_id"] = request_id
    return request_id


def response_headers(request_id: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-request-id", request_id.encode()), *_FIXED]
