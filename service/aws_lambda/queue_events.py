"""Events of an SQS event source, and the result by which single messages fail. Pure.

docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

_SQS: Final = "aws:sqs"


@dataclass(frozen=True, slots=True)
class QueueMessage:
    message_id: str
    body: str


def read_messages(event: object) -> list[QueueMessage] | None:
    """Return the messages of a queue, or None for any other event."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not records:
        return None
    found = [_message(record) for record in records]
    messages = [each for each in found if each is not None]
    return messages if len(messages) == len(records) else None


def result(messages: Iterable[QueueMessage], done: Collection[str]) -> dict[str, Any]:
    """Return which messages the queue must keep: all whose ids are not in `done`."""
    failed = [message.message_id for message in messages if message.message_id not in done]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _message(record: Any) -> QueueMessage | None:
    if not isinstance(record, dict) or record.get("eventSource") != _SQS:
        return None
    message_id, body = record.get("messageId"), record.get("body")
    if not isinstance(message_id, str) or not isinstance(body, str):
        return None
    return QueueMessage(message_id, body)
