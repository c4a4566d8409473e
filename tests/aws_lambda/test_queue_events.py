"""A queue is an event source: messages that are done leave it, and the others stay."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from service.aws_lambda.instance import Instance
from service.aws_lambda.queue_events import read_messages
from service.protocols.arrivals.arrivals import Arrivals
from tests.protocols.arrivals.doubles import FakeHooks
from tests.protocols.arrivals.factories import SECRET, body_of, make_record
from tests.support.app import make_app_settings
from tests.support.lambda_instance import run_instance

URL: Final = "https://hooks.example/a"
HOOK: Final = {"bucket": "demo", "prefix": "in/", "url": URL, "secret": SECRET}


@contextmanager
def running(hooks: FakeHooks, **sections: Any) -> Iterator[Instance]:
    settings = make_app_settings(**({"arrivals": {"hooks": {"billing": HOOK}}} | sections))
    with run_instance(settings) as harness:
        arrivals = harness.instance._app.parts.use_case(Arrivals)
        arrivals._notifier._sender = hooks
        yield harness.instance


def event_of(*bodies: str) -> dict[str, Any]:
    """docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
    return {
        "Records": [
            {
                "messageId": f"message-{i}",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:uploads",
                "awsRegion": "eu-west-1",
            }
            for i, body in enumerate(bodies)
        ]
    }


def event(key: str) -> str:
    return body_of(make_record(key=key))


def failed(result: dict[str, Any]) -> list[str]:
    return [each["itemIdentifier"] for each in result["batchItemFailures"]]


def test_messages_that_are_accepted_leave_the_queue() -> None:
    hooks = FakeHooks()
    with running(hooks) as instance:
        result = instance.invoke(event_of(event("in/a"), event("in/b"), "garbage"), "i")
    assert failed(result) == []
    assert sorted(hooks.keys(URL)) == ["in/a", "in/b"]


def test_only_messages_that_are_refused_stay() -> None:
    answers = iter([204, 500, 204])
    with running(FakeHooks(lambda _: next(answers))) as instance:
        result = instance.invoke(event_of(*map(event, ("in/a", "in/b", "in/c"))), "i")
    assert len(failed(result)) == 1


def test_a_batch_beyond_the_bound_of_a_hook_is_accepted() -> None:
    with running(FakeHooks()) as instance:
        result = instance.invoke(event_of(*(event(f"in/{i}") for i in range(200))), "i")
    assert failed(result) == []


def test_without_time_all_messages_stay() -> None:
    with running(FakeHooks(seconds={URL: 60})) as instance:
        result = instance.invoke(event_of(event("in/a")), "i", seconds_left=lambda: 1.0)
    assert failed(result) == ["message-0"]


def test_without_the_section_all_messages_stay_with_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running(FakeHooks(), arrivals=None) as instance:
        for _ in range(2):
            result = instance.invoke(event_of(event("in/a"), event("in/b")), "i")
            assert failed(result) == ["message-0", "message-1"]
    said = [each.message for each in caplog.records if each.name.startswith("service.")]
    assert said.count("arrivals are not configured: the messages stay in the queue") == 1
    assert not any(each.exc_info for each in caplog.records)


def test_an_unexpected_error_leaves_the_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> bool:
        await asyncio.sleep(0)
        raise RuntimeError

    with running(FakeHooks()) as instance:
        monkeypatch.setattr(Arrivals, "take", fail)
        assert failed(instance.invoke(event_of(event("in/a")), "i")) == ["message-0"]


@pytest.mark.parametrize(
    "other",
    [
        None,
        {},
        {"Records": []},
        {"Records": [{"eventSource": "aws:s3"}]},
        {"Records": [{"eventSource": "aws:sqs", "messageId": 1, "body": ""}]},
        {"Records": "aws:sqs"},
    ],
)
def test_any_other_event_is_none_of_a_queue(other: object) -> None:
    assert read_messages(other) is None
