"""A queue of SQS, as moto's server answers: receive, hide, delete, and what the queue counts."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import boto3
import pytest
from moto.server import ThreadedMotoServer

from service.protocols.arrivals.poller import Poller
from service.protocols.arrivals.queue import Message, Queue, QueueState, QueueUnavailable
from service.protocols.arrivals.settings import queue_of
from service.protocols.arrivals.sqs import SqsQueue
from tests.protocols.arrivals.factories import body_of, make_record

REGION: Final = "eu-west-1"


@pytest.fixture(name="server", scope="module")
def _server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(name="admin", scope="module")
def _admin(server: str) -> Iterator[Any]:
    client = boto3.client(
        "sqs",
        region_name=REGION,
        endpoint_url=server,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield client
    client.close()


@pytest.fixture(name="queue")
async def _queue(
    admin: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SqsQueue]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", REGION)
    name = f"q{abs(hash(request.node.name))}"
    dead = admin.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = admin.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    redrive = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": "7"}
    url = admin.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(redrive)})[
        "QueueUrl"
    ]
    queue = SqsQueue(queue_of(url))
    yield queue
    await queue.close()


def put(admin: Any, queue: SqsQueue, *bodies: str) -> None:
    for body in bodies:
        admin.send_message(QueueUrl=queue.url, MessageBody=body)


def count(admin: Any, queue: SqsQueue) -> int:
    """Return how many messages there are, with those that are invisible."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = admin.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


async def test_a_message_keeps_when_it_was_first_received(admin: Any, queue: SqsQueue) -> None:
    put(admin, queue, "a")
    before = time.time()
    [first] = await queue.receive(1)
    await queue.hide([(first.receipt, 0)])
    [again] = await queue.receive(1)
    assert first.first_received_at == again.first_received_at
    assert before - 1 < (again.first_received_at or 0) < time.time() + 1
    assert (first.receives, again.receives) == (1, 2)


async def test_a_message_is_received_and_deleted(admin: Any, queue: SqsQueue) -> None:
    put(admin, queue, "a", "b")
    messages = await queue.receive(10)
    assert sorted((each.body, each.receives) for each in messages) == [("a", 1), ("b", 1)]
    await queue.delete([each.receipt for each in messages])
    assert count(admin, queue) == 0


async def test_a_hidden_message_comes_back_and_is_counted(admin: Any, queue: SqsQueue) -> None:
    put(admin, queue, "a")
    [first] = await queue.receive(10)
    await queue.hide([(first.receipt, 1)])
    [second] = await queue.receive(10)
    assert (second.body, second.receives) == ("a", 2)


async def test_a_received_message_is_invisible_for_half_a_minute(
    admin: Any, queue: SqsQueue
) -> None:
    put(admin, queue, "a")
    await queue.receive(10)
    seen = admin.receive_message(QueueUrl=queue.url, WaitTimeSeconds=0)
    assert (seen.get("Messages"), count(admin, queue)) == (None, 1)


async def test_the_queue_says_when_it_gives_up_and_how_much_is_in_flight(
    admin: Any, queue: SqsQueue
) -> None:
    put(admin, queue, "a", "b")
    await queue.receive(1)
    days = 4 * 86_400  # SQS's default
    assert await queue.state() == QueueState(max_receives=7, retention_seconds=days, in_flight=1)


async def test_to_try_the_rights_changes_no_message(admin: Any, queue: SqsQueue) -> None:
    put(admin, queue, "a")
    await queue.try_to_settle()
    [message] = await queue.receive(10)
    assert (message.body, message.receives) == ("a", 1)


async def test_a_queue_that_does_not_exist_is_unavailable(server: str, queue: SqsQueue) -> None:
    gone = Queue(url=f"{server}/123456789012/gone", region=REGION, endpoint_url=server)
    other = SqsQueue(gone)
    with pytest.raises(QueueUnavailable, match=r"NonExistentQueue|QueueDoesNotExist"):
        await other.receive(10)
    await other.close()


async def test_a_server_that_is_gone_is_unavailable(queue: SqsQueue) -> None:
    gone = Queue(url="http://127.0.0.1:1/1/q", region=REGION, endpoint_url="http://127.0.0.1:1")
    other = SqsQueue(gone)
    with pytest.raises(QueueUnavailable) as failed:
        await other.receive(10)
    assert "127.0.0.1" not in str(failed.value)
    await other.close()


async def test_receipts_that_are_over_do_not_stop_a_batch(admin: Any, queue: SqsQueue) -> None:
    put(admin, queue, "a")
    [message] = await queue.receive(10)
    with pytest.raises(QueueUnavailable):
        await queue.hide([("wrong", 5), (message.receipt, 5)])
    await queue.delete([message.receipt])
    assert count(admin, queue) == 0


@pytest.mark.slow  # waits for the queue
async def test_each_event_is_delivered_though_half_fail(admin: Any, queue: SqsQueue) -> None:
    keys = [f"in/{i}" for i in range(30)]
    put(admin, queue, *(body_of(make_record(key=key)) for key in keys))
    tries, accepted, all_accepted = dict[str, int](), set[str](), asyncio.Event()

    async def fail_first_of_odd(message: Message) -> bool:
        key = json.loads(message.body)["Records"][0]["s3"]["object"]["key"]
        tries[key] = tries.get(key, 0) + 1
        if int(key[3:]) % 2 and tries[key] == 1:
            return False
        accepted.add(key)
        if len(accepted) == len(keys):
            all_accepted.set()
        return True

    poller = Poller(
        queue, fail_first_of_odd, slots=lambda: 20, jitter=lambda: 0.0, on_failure=lambda: None
    )
    poller.start()
    async with asyncio.timeout(300):
        await all_accepted.wait()
    await poller.stop()
    assert count(admin, queue) == 0
    # At least once: a slow machine takes longer than a message is hidden.
    assert all(tries[key] >= 1 + int(key[3:]) % 2 for key in keys)
