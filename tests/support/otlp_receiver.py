"""Receives spans by OTLP over HTTP, as a collector does."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.http_servers import Handler, serving


@dataclass
class Receiver:
    """`status` is that of its answers. It may change at any time."""

    url: str = ""
    status: int = 200
    refused: int = 0  # exports that got another status
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def spans(self) -> list[Span]:
        """Return what was received, in the order of the starts."""
        spans = [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return sorted(spans, key=lambda span: span.start_time_unix_nano)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans() if span.name == name]

    def resource(self) -> dict[str, str]:
        first = ExportTraceServiceRequest.FromString(self.bodies[0]).resource_spans[0]
        return attributes(first.resource.attributes)


def attributes(found: Iterable[KeyValue]) -> dict[str, str]:
    """Return the values as text, by name."""
    return {each.key: str(each.value.string_value or each.value.int_value) for each in found}


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Collect(Handler):
        def do_POST(self) -> None:  # noqa: N802 - its name there
            body = self.rfile.read(int(self.headers["content-length"]))
            if receiver.status == 200:
                receiver.paths.append(self.path)
                receiver.bodies.append(body)
            else:
                receiver.refused += 1
            self.answer(receiver.status)

    with serving(Collect) as receiver.url:
        yield receiver
