"""A queue of SQS, by the SDK, whose own retries are off: what fails is tried again here."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError
from pydantic_core import from_json

from service.concurrency.causes import class_names
from service.http_client.sdk import SdkConfig, sdk_session
from service.protocols.arrivals.queue import (
    INVISIBLE_SECONDS,
    Message,
    Queue,
    QueueState,
    QueueUnavailable,
)

_POLL_SECONDS: Final = 20  # SQS's longest
# docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
_RECEIVES: Final = "ApproximateReceiveCount"
_FIRST_RECEIVED: Final = "ApproximateFirstReceiveTimestamp"
# docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
_REDRIVE: Final = "RedrivePolicy"
_RETENTION: Final = "MessageRetentionPeriod"
_IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
_DEFAULT_RETENTION: Final = 345_600
_MAX_RECEIVED_BYTES: Final = 16 * 1024**2  # ten messages of a MiB each, SQS's largest
_CONFIG: Final = SdkConfig(
    max_response_bytes=_MAX_RECEIVED_BYTES,
    connect_timeout=3,
    read_timeout=_POLL_SECONDS + 10,
    retries={"total_max_attempts": 1},
    max_pool_connections=16,
    ignore_configured_endpoint_urls=True,
)


class SqsQueue:
    def __init__(self, queue: Queue, ca_bundle: Path | None = None) -> None:
        """The client is made by the first call. `ca_bundle` has the authorities to trust."""
        self._queue = queue
        self.url = queue.url
        self._ca_bundle = ca_bundle
        self._opening = asyncio.Lock()
        self._closing = AsyncExitStack()
        self._client: Any = None

    async def receive(self, most: int) -> list[Message]:
        answer = await self._call(
            "receive_message",
            MaxNumberOfMessages=most,
            WaitTimeSeconds=_POLL_SECONDS,
            VisibilityTimeout=INVISIBLE_SECONDS,
            MessageSystemAttributeNames=[_RECEIVES, _FIRST_RECEIVED],
        )
        return [_message(found) for found in answer.get("Messages", ())]

    async def delete(self, receipts: Sequence[str]) -> None:
        entries = [{"Id": str(i), "ReceiptHandle": receipt} for i, receipt in enumerate(receipts)]
        _check_all(await self._call("delete_message_batch", Entries=entries))

    async def hide(self, hidden: Sequence[tuple[str, int]]) -> None:
        entries = [
            {"Id": str(i), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for i, (receipt, seconds) in enumerate(hidden)
        ]
        _check_all(await self._call("change_message_visibility_batch", Entries=entries))

    async def state(self) -> QueueState:
        names = [_REDRIVE, _RETENTION, _IN_FLIGHT]
        answer = await self._call("get_queue_attributes", AttributeNames=names)
        return _state(answer.get("Attributes", {}))

    async def try_to_settle(self) -> None:
        """Raises QueueUnavailable if messages may not be deleted or hidden. None is changed."""
        entry = {"Id": "0", "ReceiptHandle": "none"}
        hidden = {**entry, "VisibilityTimeout": 0}
        # Each refuses the receipt by its entry, or the caller as a whole.
        await self._call("delete_message_batch", Entries=[entry])
        await self._call("change_message_visibility_batch", Entries=[hidden])

    async def close(self) -> None:
        await self._closing.aclose()

    async def _call(self, name: str, **parameters: Any) -> Any:
        async with self._opening:
            if self._client is None:
                self._client = await _called(self._open())
        return await _called(getattr(self._client, name)(QueueUrl=self._queue.url, **parameters))

    async def _open(self) -> Any:
        """Make the client. The SDK reads its data in a thread: that takes 50 ms."""
        context = sdk_session().client(
            "sqs",
            region_name=self._queue.region,
            endpoint_url=self._queue.endpoint_url,
            verify=None if self._ca_bundle is None else str(self._ca_bundle),
            config=_CONFIG,
        )
        client = await asyncio.to_thread(asyncio.run, context.__aenter__())
        self._closing.push_async_callback(context.__aexit__, None, None, None)
        return client


def _message(found: Any) -> Message:
    attributes = found.get("Attributes", {})
    first = attributes.get(_FIRST_RECEIVED)  # in milliseconds
    return Message(
        body=found.get("Body", ""),
        receipt=found["ReceiptHandle"],
        receives=max(1, int(attributes.get(_RECEIVES, "1"))),
        first_received_at=None if first is None else int(first) / 1000,
    )


async def _called(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise QueueUnavailable(f"{type(error).__name__}: {code}") from None
    except Exception as error:  # noqa: BLE001 - of any kind, from the SDK and what it uses
        # Its message may have an address, or the whole answer.
        raise QueueUnavailable(class_names(error)) from None


def _check_all(answer: Any) -> None:
    if failed := answer.get("Failed"):
        codes = ", ".join(sorted({str(entry.get("Code")) for entry in failed}))
        raise QueueUnavailable(f"for {len(failed)} messages: {codes}")


def _state(attributes: Mapping[str, str]) -> QueueState:
    policy = attributes.get(_REDRIVE)
    return QueueState(
        max_receives=None if not policy else int(from_json(policy)["maxReceiveCount"]),
        retention_seconds=int(attributes.get(_RETENTION, _DEFAULT_RETENTION)),
        in_flight=int(attributes.get(_IN_FLIGHT, 0)),
    )
