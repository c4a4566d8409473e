"""One span of a call to STS, however many requests wait for it. In virtual time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from service.errors import CredentialsUnavailable
from service.sessions.source import SessionRefused
from service.telemetry.otlp import exported_spans
from service.telemetry.spans import Spans
from tests.support.factories import SECRET
from tests.support.otlp_receiver import Receiver, attributes, receiving
from tests.support.pool import BILLING, PoolHarness, make_pool_harness
from tests.support.virtual_time import VirtualTimeLoop

STS: Final = "STS.AssumeRole"
UNSAMPLED: Final = f"00-{'a' * 32}-{'b' * 16}-00"


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def run_traced(
    receiver: Receiver, test: Callable[[PoolHarness, Spans], Coroutine[Any, Any, None]]
) -> None:
    """Run `test` in virtual time. Its spans have arrived when this returns."""

    async def main(spans: Spans) -> None:
        harness = make_pool_harness(spans=spans)
        await test(harness, spans)
        await harness.pool.stop()

    with (
        exported_spans(f"{receiver.url}/v1/traces") as spans,
        asyncio.Runner(loop_factory=VirtualTimeLoop) as runner,
    ):
        runner.run(main(spans))


async def wait_for_session(
    harness: PoolHarness, spans: Spans, *, after: float = 0, traceparent: str = ""
) -> None:
    """What a request does that comes `after` these seconds."""
    await asyncio.sleep(after)
    with spans.request("POST", traceparent), suppress(CredentialsUnavailable):
        await harness.pool.ready(BILLING)


def links(span: Span) -> list[tuple[bytes, bytes]]:
    return [(link.trace_id, link.span_id) for link in span.links]


def test_requests_that_share_an_attempt_are_linked_to_it(receiver: Receiver) -> None:
    """The attempt takes 0.1 s. The last request comes when it has started."""

    async def three_requests(harness: PoolHarness, spans: Spans) -> None:
        await asyncio.gather(
            *(wait_for_session(harness, spans, after=after) for after in (0, 0, 0.05))
        )

    run_traced(receiver, three_requests)
    (sts,) = receiver.named(STS)
    requests = {each.span_id: each for each in receiver.named("POST")}
    first = requests.pop(sts.parent_span_id)
    assert links(first) == []
    assert [links(each) for each in requests.values()] == [[(sts.trace_id, sts.span_id)]] * 2
    assert sts.trace_id == first.trace_id


def test_a_request_that_waited_in_vain_is_linked_too(receiver: Receiver) -> None:
    """It gives up at the same time as the attempt."""

    async def two_requests(harness: PoolHarness, spans: Spans) -> None:
        harness.source.hangs = True
        await asyncio.gather(*(wait_for_session(harness, spans) for _ in range(2)))
        await asyncio.sleep(1)

    run_traced(receiver, two_requests)
    (sts,) = receiver.named(STS)
    found = [links(each) for each in receiver.named("POST")]
    assert sorted(found) == [[], [(sts.trace_id, sts.span_id)]]
    assert attributes(sts.attributes)["presign.outcome"] == "failed"


def test_the_attempt_is_a_child_of_a_sampled_request(receiver: Receiver) -> None:
    async def two_requests(harness: PoolHarness, spans: Spans) -> None:
        await asyncio.gather(
            wait_for_session(harness, spans, traceparent=UNSAMPLED),
            wait_for_session(harness, spans),
        )

    run_traced(receiver, two_requests)
    (request,), (sts,) = receiver.named("POST"), receiver.named(STS)
    assert sts.parent_span_id == request.span_id


def test_a_refresh_that_nothing_waits_for_has_its_own_trace(receiver: Receiver) -> None:
    async def start(harness: PoolHarness, spans: Spans) -> None:
        with spans.request("POST", ""):
            harness.pool.start()
        await asyncio.sleep(1)

    run_traced(receiver, start)
    (request,), (sts,) = receiver.named("POST"), receiver.named(STS)
    assert sts.parent_span_id == b""
    assert sts.trace_id != request.trace_id


def test_a_failed_attempt_is_an_error_without_its_message(receiver: Receiver) -> None:
    async def refused(harness: PoolHarness, spans: Spans) -> None:
        harness.source.error = SessionRefused(f"STS quoted {SECRET}", throttled=True)
        await wait_for_session(harness, spans)

    run_traced(receiver, refused)
    (sts,) = receiver.named(STS)
    assert attributes(sts.attributes) == {
        "error.type": "throttled",
        "presign.bucket": "reports",
        "presign.outcome": "throttled",
    }
    assert (sts.status.code, sts.status.message) == (Status.STATUS_CODE_ERROR, "")
    assert list(sts.events) == []
    assert SECRET.encode() not in b"".join(receiver.bodies)


def test_an_attempt_that_is_stopped_is_cancelled(receiver: Receiver) -> None:
    async def stopped(harness: PoolHarness, spans: Spans) -> None:
        harness.source.hangs = True
        harness.pool.start()
        await asyncio.sleep(1)

    run_traced(receiver, stopped)
    (sts,) = receiver.named(STS)
    assert attributes(sts.attributes)["presign.outcome"] == "cancelled"
