"""Spans of OpenTelemetry: one for each request, and one for each call that the service makes.

Rules of this file:
- A span's attributes are the labels of metrics and the request's id. The path and the query of a
  request stay out, since an object URL has the key and a share link is a secret. So do exceptions:
  their messages may quote anything.
- A caller's `traceparent` is used. Its `tracestate` and `baggage` are not, since they may hold any
  text, which would go on to stores and to the collector.
- `NO_SPANS` makes none. `otlp.py` makes those that are exported.
"""

import asyncio
import contextvars
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

OK: Final = "ok"
_W3C: Final = TraceContextTextMapPropagator()


@dataclass(slots=True)
class Call:
    """A call in progress. `outcome` is what metrics label it with."""

    outcome: str = OK


class Spans:
    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer or trace.NoOpTracer()

    @contextmanager
    def request(self, method: str, traceparent: str) -> Iterator[Span]:
        """Yield the span of a request, a child of the caller's span if `traceparent` is valid."""
        parent = _W3C.extract({"traceparent": traceparent}, Context())
        with self._tracer.start_as_current_span(
            method,
            context=parent,
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    @contextmanager
    def call(
        self, name: str, attributes: Mapping[str, str], parent: Context | None = None
    ) -> Iterator[Call]:
        """A span of a call: a child of the current span, or of that in `parent`."""
        call = Call()
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield call
            except asyncio.CancelledError:
                call.outcome = "cancelled"
                raise
            finally:
                span.set_attribute("presign.outcome", call.outcome)
                if call.outcome != OK:
                    set_failed(span, call.outcome)

    @contextmanager
    def shared_call(
        self,
        name: str,
        attributes: Mapping[str, str],
        waiting: Callable[[], Iterable[contextvars.Context]],
    ) -> Iterator[Call]:
        """A span of a call that several requests wait for.

        `waiting` returns the contexts of those that wait now. The span is a child of the first one
        that is sampled. The spans of the others get a link to it, also if they come later.
        """
        requests = _spans_of(waiting())
        parent = next((span for span in requests if span.is_recording()), INVALID_SPAN)
        with self.call(name, attributes, trace.set_span_in_context(parent, Context())) as call:
            shared = trace.get_current_span().get_span_context()
            for each in requests - {parent}:
                each.add_link(shared)
            try:
                yield call
            finally:
                for each in _spans_of(waiting()) - requests:
                    each.add_link(shared)


NO_SPANS: Final = Spans()


def _spans_of(contexts: Iterable[contextvars.Context]) -> set[Span]:
    return {each.run(trace.get_current_span) for each in contexts}


def set_failed(span: Span, error_type: str) -> None:
    span.set_attribute("error.type", error_type)
    span.set_status(StatusCode.ERROR)


def trace_headers() -> dict[str, str]:
    """Return the headers that pass the current span on to another service; {} without a span."""
    headers: dict[str, str] = {}
    _W3C.inject(headers)
    return headers
