"""What is known of a request while it is answered, and the headers of every response."""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from service.telemetry import tracing

# A caller's issuer and subject: cheaper to look up than a `Caller`.
CallerId = tuple[str | None, str]

NO_STORE: Final = b"no-store"
_SCOPE: Final = "presign.request"
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_FIXED: Final = [
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


@dataclass(slots=True)
class RequestState:
    """`began` is by `time.perf_counter`, in seconds.

    `caller_id` is that of the caller that holds a place, once it is known. `cache_control` is the
    response's, and `reason` its reason phrase, if it has an unusual one. `status` is None until a
    response has begun.
    """

    request_id: str
    began: float
    holds_place: bool = False
    caller_id: CallerId | None = None
    cache_control: bytes = NO_STORE
    reason: bytes | None = None
    status: int | None = None


def start_request(scope: Scope) -> RequestState:
    """Give a request its state, with the id for responses and logs: the caller's own if it fits."""
    # The first of a repeated header counts.
    headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
    sent, traceparent = headers.get(b"x-request-id"), headers.get(b"traceparent")
    if sent is not None and _ACCEPTABLE_ID.fullmatch(sent) is not None:
        request_id = sent.decode()
    else:
        request_id = os.urandom(16).hex()
    trace = None if traceparent is None else traceparent.decode("latin-1")
    tracing.CURRENT.set(tracing.RequestContext(request_id, trace))
    state = scope[_SCOPE] = RequestState(request_id, time.perf_counter())
    return state


def state_of(scope: Scope) -> RequestState:
    """Return the state of a request that `start_request` has begun."""
    state: RequestState = scope[_SCOPE]
    return state


def begun(scope: Mapping[str, object]) -> RequestState | None:
    """Return the state of a request, if the app has begun to answer it."""
    state = scope.get(_SCOPE)
    return state if isinstance(state, RequestState) else None


def response_headers(request_id: str, cache_control: bytes = NO_STORE) -> list[tuple[bytes, bytes]]:
    return [(b"x-request-id", request_id.encode()), (b"cache-control", cache_control), *_FIXED]
