"""The request that a log line belongs to: its id, and the ids of its trace."""

import re
from contextvars import ContextVar
from typing import NamedTuple

# www.w3.org/TR/trace-context: version, trace, parent, flags. `ff` and ids of zeros are invalid.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}"
)


class RequestContext(NamedTuple):
    """`traceparent` is the caller's header, unchecked."""

    request_id: str
    traceparent: str | None


CURRENT: ContextVar[RequestContext | None] = ContextVar("request", default=None)


def ids() -> dict[str, str]:
    """Return the current request's ids as members of a log line; {} outside a request."""
    context = CURRENT.get()
    if context is None:
        return {}
    traced = _TRACEPARENT.fullmatch(context.traceparent or "")
    trace = {} if traced is None else {"trace_id": traced[1], "span_id": traced[2]}
    return {"request_id": context.request_id, **trace}
