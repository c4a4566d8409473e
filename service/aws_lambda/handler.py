"""The handler for `python -m awslambdaric service.aws_lambda.handler.handler`.

AWS's runtime client imports this module, and then calls the handler for each event. The import
starts the instance: Lambda counts it as the start of the function.
"""

from typing import Any, Protocol

from service.concurrency.event_loop import without_garbage_collection
from service.config import process

# Imports make objects that stay: collecting takes a tenth of a cold start (A/B: 1.19 s, 1.04 s).
with without_garbage_collection():
    from service.aws_lambda.start import start_instance

    _instance = start_instance()


class InvocationContext(Protocol):
    """What is used of the context that AWS's runtime client hands over."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: object, context: InvocationContext) -> dict[str, Any]:
    return _instance.invoke(
        event,
        context.aws_request_id,
        trace=process.trace_header(),
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
