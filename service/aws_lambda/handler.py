"""The handler for `python -m awslambdaric service.aws_lambda.handler.handler`.

AWS's runtime client imports this module, and then calls the handler for each event. The import
starts the instance: Lambda counts it as the start of the function.
"""

import sys
from typing import Any, Protocol

from service.app import builders
from service.app.factory import create_app
from service.auth.gateway_claims import GatewayIdentities
from service.aws_lambda.clock import FreezeAwareClock
from service.aws_lambda.configuration import load_configuration
from service.aws_lambda.instance import Instance
from service.clock import SystemClock
from service.config import aws_lambda
from service.config.settings import configuration_source
from service.telemetry.line_sink import LineSink
from service.telemetry.logs import JsonFormatter, SinkHandler, set_up_logging
from service.telemetry.metrics import Metrics


class InvocationContext(Protocol):
    """What is used of the context that AWS's runtime client hands over."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def start_instance() -> Instance:
    """Return a started instance, configured by the environment. Raises ConfigurationError."""
    settings = load_configuration(configuration_source())
    metrics, sink = Metrics(), LineSink(sys.stdout.fileno())
    sink.enlarge_pipe_buffer()
    handler = SinkHandler(sink, LineSink(sys.stderr.fileno()), on_drop=metrics.log_line_dropped)
    handler.setFormatter(JsonFormatter())
    set_up_logging(settings.server.log_level, handler)
    clock = FreezeAwareClock(SystemClock())
    trusted = [
        (builders.issuer(name, settings), frozenset(issuer.api_gateway_ids))
        for name, issuer in settings.issuers.items()
    ]
    instance = Instance(
        create_app(settings, clock=clock, audit=sink.write, metrics=metrics),
        clock,
        GatewayIdentities(trusted),
        base_path=aws_lambda.base_path(),
    )
    instance.start()
    return instance


_instance = start_instance()


def handler(event: object, context: InvocationContext) -> dict[str, Any]:
    return _instance.invoke(
        event,
        context.aws_request_id,
        trace=aws_lambda.trace_header(),
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
