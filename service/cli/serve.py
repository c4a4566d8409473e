"""`presign serve`: the service as a process, which logs to standard output."""

import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from service.access.callers import CallerEntry
from service.api.shutdown import Drain
from service.app.settings import Settings
from service.cli.check.policies import oversized_policies
from service.signing.signer import Address
from service.telemetry.line_sink import LineSink
from service.telemetry.logs import JsonFormatter, SinkHandler, set_up_logging
from service.telemetry.metrics import Metrics
from service.telemetry.spans import NO_SPANS, Spans

# Both are imported if they can be, and nothing here uses them: httpx's command line, with rich and
# pygments, and FastAPI's support of pydantic 1. At rest they take 3.0 and 1.4 of 100.6 MiB.
for _unused in ("httpx._main", "pydantic.v1"):
    sys.modules[_unused] = None  # type: ignore[assignment]

from service.app.environment import Environment  # noqa: E402 - after what they must not import
from service.app.factory import create_app  # noqa: E402
from service.server.run import Server, uvicorn_config  # noqa: E402

log = logging.getLogger(__name__)


def run(
    path: Path,
    settings: Settings,
    addresses: dict[str, Address],
    *,
    read_as: str,
    host: str,
    port: int,
    traces: str | None,
) -> None:
    """Run the service until a signal ends it. Reload the file at `path` when it changes.

    `read_as` is the fingerprint of the configuration from before it was read, and `traces` the URL
    that spans are sent to.
    """
    drain, metrics, sink = Drain(), Metrics(), LineSink(sys.stdout.fileno())
    sink.enlarge_pipe_buffer()
    # Log to standard error what standard output cannot take, for example that its reader is gone.
    fallback = LineSink(sys.stderr.fileno())
    handler = SinkHandler(sink, fallback, on_drop=metrics.log_line_dropped)
    handler.setFormatter(JsonFormatter())
    set_up_logging(settings.server.log_level, handler)
    with _exported_spans(traces) as spans:
        app = create_app(
            settings,
            addresses,
            Environment(metrics=metrics, spans=spans, drain=drain, write_audit=sink.write),
            watched=path,
            read_as=read_as,
            once_started=partial(_log_oversized_policies, settings, addresses),
        )
        Server(
            uvicorn_config(app.gateway, app.parts, host=host, port=port),
            drain=drain,
            drain_seconds=settings.server.drain_seconds,
        ).run()


def _exported_spans(endpoint: str | None) -> AbstractContextManager[Spans]:
    if endpoint is None:
        return nullcontext(NO_SPANS)
    # Only now: the SDK is an extra, and takes time and memory.
    from service.telemetry.otlp import exported_spans

    return exported_spans(endpoint)


def _log_oversized_policies(
    settings: Settings, addresses: dict[str, Address], entries: tuple[CallerEntry, ...]
) -> None:
    for problem in oversized_policies(settings, addresses, entries):
        log.error("a caller cannot be served: %s", problem)
