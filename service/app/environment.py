"""What the app runs with, apart from its configuration."""

from dataclasses import dataclass, field

import httpx

from service.api.shutdown import Drain
from service.app.session_sources import OpenSources, aws_sources
from service.clock import Clock, SystemClock
from service.presigning.audit import WriteLines
from service.telemetry.metrics import Metrics
from service.telemetry.spans import NO_SPANS, Spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """`write_audit` takes audit lines, instead of standard output.

    `store_transport` takes calls to stores, instead of the network. `drain` says when the process
    is going to stop.
    """

    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    spans: Spans = NO_SPANS
    drain: Drain = field(default_factory=Drain)
    write_audit: WriteLines | None = None
    open_sources: OpenSources = aws_sources
    store_transport: httpx.AsyncBaseTransport | None = None
