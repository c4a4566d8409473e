"""Starts an instance, configured by the environment."""

import sys

from service.app.builders import locations
from service.app.environment import Environment
from service.app.factory import create_app
from service.aws_lambda.clock import FreezeAwareClock
from service.aws_lambda.configuration import load_configuration
from service.aws_lambda.instance import Instance
from service.clock import SystemClock
from service.config import process
from service.config.process import configuration_source
from service.s3.endpoints import resolve
from service.telemetry.line_sink import LineSink
from service.telemetry.logs import JsonFormatter, SinkHandler, set_up_logging
from service.telemetry.metrics import Metrics


def start_instance() -> Instance:
    """Return a started instance, configured by the environment. Raises ConfigurationError."""
    settings = load_configuration(configuration_source())
    # In process: with a share of a core another interpreter would start too slowly.
    addresses = resolve(locations(settings), in_process=True).addresses
    metrics, sink = Metrics(), LineSink(sys.stdout.fileno())
    sink.enlarge_pipe_buffer()
    handler = SinkHandler(sink, LineSink(sys.stderr.fileno()), on_drop=metrics.log_line_dropped)
    handler.setFormatter(JsonFormatter())
    set_up_logging(settings.server.log_level, handler)
    clock = FreezeAwareClock(SystemClock())
    instance = Instance(
        create_app(
            settings,
            addresses,
            Environment(clock=clock, metrics=metrics, write_audit=sink.write),
        ),
        clock,
        base_path=process.base_path(),
    )
    instance.start()
    return instance
