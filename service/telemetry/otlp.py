"""Exports spans by OTLP over HTTP, in a thread and from a bounded queue of the SDK.

Only this module imports the SDK of OpenTelemetry, and `presign serve` imports it only if traces are
configured. The SDK reads the sampler, the queue, headers and certificates from `OTEL_…`.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from service import __version__
from service.telemetry.spans import Spans

log = logging.getLogger(__name__)

# For the last spans. Part of the 5 s that docs/operations.md adds to a shutdown "for the rest".
FLUSH_SECONDS: Final = 3.0
# Each logs every failure: the exporter each attempt, the queue each span that it drops.
_LOGGERS: Final = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
)


@contextmanager
def exported_spans(endpoint: str, *, flush_seconds: float = FLUSH_SECONDS) -> Iterator[Spans]:
    """Export spans until the block ends, and then for at most `flush_seconds` what is left."""
    first_failure = _FirstFailure()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(first_failure)
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    exporter = _Exporter(endpoint, first_failure)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield Spans(provider.get_tracer("presign", __version__))
    finally:
        # The SDK's own limit is 30 s, and a thread that is no daemon would delay the exit.
        flushing = threading.Thread(target=provider.shutdown, name="flush spans", daemon=True)
        flushing.start()
        flushing.join(flush_seconds)
        if flushing.is_alive():
            exporter.shutdown()  # type: ignore[no-untyped-call]  # it ends the retries
        for each in loggers:
            each.removeFilter(first_failure)


def _resource() -> Resource:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES replace the name and the version."""
    own = Resource.create({"service.name": "presign", "service.version": __version__})
    return own.merge(OTELResourceDetector().detect())


class _FirstFailure(logging.Filter):
    """Passes one line, with its reason, until spans are exported again."""

    is_failing = False

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        was_failing, self.is_failing = self.is_failing, True
        return not was_failing


class _Exporter(OTLPSpanExporter):
    def __init__(self, endpoint: str, first_failure: _FirstFailure) -> None:
        super().__init__(endpoint)
        self._first_failure = first_failure

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        if result is SpanExportResult.SUCCESS and self._first_failure.is_failing:
            self._first_failure.is_failing = False
            log.warning("spans are exported again")
        return result
