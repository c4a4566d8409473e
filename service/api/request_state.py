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

CLIENT_CLOSED_REQUEST: Final = 499  # nginx's status for a client that did not wait
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

    `caller_id` is that of the caller that holds a slot, once it is known. `cache_control` is the
    response's, and `reason` its reason phrase, if it has an unusual one. `status` is None until a
    response has begun. `received` is what the client got instead, if the server says so.
    """

    request_id: str
    began: float
    holds_place: bool = False
    caller_id: CallerId | None = None
    cache_control: bytes = NO_STORE
    reason: bytes | None = None
    status: int | None = None
    received: int | None = None

    @property
    def final_status(self) -> int:
        """The status that the client got; CLIENT_CLOSED_REQUEST if it got no whole response."""
        return self.received or self.status or CLIENT_CLOSED_REQUEST


def start_request(scope: Scope) -> RequestState:
    """Give a request its state, and its id to what is logged from now on."""
    # The first of a repeated header counts.
    headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
    traceparent = headers.get(b"traceparent")
    trace = None if traceparent is None else traceparent.decode("latin-1")
    state = _state_in(scope, headers)
    tracing.CURRENT.set(tracing.RequestContext(state.request_id, trace))
    return state


def reject(scope: Scope | None, status: int) -> str:
    """Note that the server itself refuses a request, perhaps before the app starts with it.

    Return the request's id. `scope` is None for a head that is no request.
    """
    if scope is None:
        return _new_id()
    state = _state_in(scope, dict(reversed(scope["headers"])))
    state.received = status
    return state.request_id


def state_of(scope: Scope) -> RequestState:
    """Return the state of a request that `start_request` has begun."""
    state: RequestState = scope[_SCOPE]
    return state


def not_received(scope: Scope) -> None:
    """Note that the client did not get the whole response."""
    state: RequestState | None = scope.get(_SCOPE)
    if state is not None and state.received is None:
        state.received = CLIENT_CLOSED_REQUEST


def response_headers(request_id: str, cache_control: bytes = NO_STORE) -> list[tuple[bytes, bytes]]:
    return [(b"x-request-id", request_id.encode()), (b"cache-control", cache_control), *_FIXED]


def _state_in(scope: Scope, headers: Mapping[bytes, bytes]) -> RequestState:
    """Return the request's state, made if there is none. Its id is the caller's own if it fits."""
    state: RequestState | None = scope.get(_SCOPE)
    if state is None:
        sent = headers.get(b"x-request-id", b"")
        request_id = sent.decode() if _ACCEPTABLE_ID.fullmatch(sent) is not None else _new_id()
        state = scope[_SCOPE] = RequestState(request_id, time.perf_counter())
    return state


def _new_id() -> str:
    return os.urandom(16).hex()
