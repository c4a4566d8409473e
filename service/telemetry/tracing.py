"""Which request a log line belongs to: its own id, and those of the trace that it is part of."""

import re
from contextvars import ContextVar
from typing import NamedTuple

# www.w3.org/TR/trace-context: version, trace, parent, flags; all zeros are no id, and `ff` no version
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}"
)


class RequestContext(NamedTuple):
    """`traceparent` is as the caller sent it, so it may be anything."""

    request_id: str
    traceparent: str | None


CURRENT: ContextVar[RequestContext | None] = ContextVar("request", default=None)


def ids() -> dict[str, str]:
    """Of the request that is being answered, if there is one, as members of a log line."""
    context = CURRENT.get()
    if context is None:
        return {}
    traced = _TRACEPARENT.fullmatch(context.traceparent or "")
    trace = {} if traced is None else {"trace_id": traced[1], "span_id": traced[2]}
    return {"request_id": context.request_id, **trace}
