"""Each call needs a slot, and frees it however the call ends."""

import asyncio
from typing import Any, Final

import httpx
import pytest

from service.errors import Overloaded
from service.s3.client import (
    CALLS,
    CALLS_PER_BUCKET,
    COMPLETIONS,
    COMPLETIONS_PER_BUCKET,
    SLOT_WAIT_SECONDS,
)
from service.signing.multipart_actions import CompleteMultipartUpload
from tests.s3.fake_store import (
    Harness,
    Respond,
    SlowStream,
    error,
    error_of,
    fails,
    hangs,
    responds,
    streams,
    with_harness,
)

COMPLETION: Final = CompleteMultipartUpload(upload_id="u", content_length=5)


async def start_calls(
    harness: Harness, number: int, bucket: str, **more: Any
) -> list[asyncio.Task[Any]]:
    """Start calls that hang."""
    more = {"seconds": 1000.0, **more}
    tasks = [asyncio.ensure_future(harness.send(bucket, **more)) for _ in range(number)]
    await asyncio.sleep(0.01)
    return tasks


async def cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def responds_to_quick(request: httpx.Request) -> httpx.Response:
    """Only the key `quick` gets a response."""
    return await (responds() if request.url.path == "/quick" else hangs)(request)


async def send_at_once(harness: Harness, bucket: str, number: int = 1, **more: Any) -> None:
    """Send requests that must not wait."""
    started_at = harness.clock.boot()
    await asyncio.gather(*(harness.send(bucket, "quick", **more) for _ in range(number)))
    assert harness.clock.boot() - started_at < 0.01


@with_harness
async def test_a_bucket_that_hangs_delays_no_other(harness: Harness) -> None:
    harness.store.script(responds_to_quick)
    await start_calls(harness, CALLS_PER_BUCKET + 8, "stuck")
    assert len(harness.store.requests) == CALLS_PER_BUCKET
    await send_at_once(harness, "other")


@with_harness
async def test_a_call_without_a_slot_is_refused_after_two_seconds(harness: Harness) -> None:
    harness.store.script(responds_to_quick)
    await start_calls(harness, CALLS_PER_BUCKET, "stuck")
    started_at = harness.clock.boot()
    problem = await error_of(harness.send("stuck", "quick"))
    assert isinstance(problem, Overloaded)
    assert problem.retry_after == 1
    assert harness.clock.boot() - started_at == pytest.approx(SLOT_WAIT_SECONDS, abs=0.01)
    assert harness.observer.calls == [("stuck", "HeadObject", "overloaded")]
    assert len(harness.store.requests) == CALLS_PER_BUCKET


@with_harness
async def test_all_buckets_share_a_limit(harness: Harness) -> None:
    harness.store.script(responds_to_quick)
    names = [f"b{n}" for n in range(CALLS // CALLS_PER_BUCKET)]
    tasks = [each for name in names for each in await start_calls(harness, CALLS_PER_BUCKET, name)]
    assert len(harness.store.requests) == CALLS
    refused = await asyncio.gather(
        *(error_of(harness.send("c", "quick")) for _ in range(CALLS_PER_BUCKET))
    )
    assert {type(each) for each in refused} == {Overloaded}
    assert len(harness.store.requests) == CALLS
    await cancel(tasks)
    await send_at_once(harness, "c", CALLS_PER_BUCKET)  # those that waited freed the bucket's slots


@with_harness
async def test_completions_delay_no_other_calls(harness: Harness) -> None:
    harness.store.script(responds_to_quick)
    await start_calls(harness, COMPLETIONS_PER_BUCKET, "reports", action=COMPLETION)
    assert len(harness.store.requests) == COMPLETIONS_PER_BUCKET
    await send_at_once(harness, "reports", CALLS_PER_BUCKET)
    refused = harness.send("reports", "quick", action=COMPLETION)
    assert isinstance(await error_of(refused), Overloaded)


@with_harness
async def test_all_completions_together_leave_slots_for_other_calls(harness: Harness) -> None:
    harness.store.script(responds_to_quick)
    tasks = []
    for name in (f"b{n}" for n in range(CALLS // COMPLETIONS_PER_BUCKET)):
        tasks += await start_calls(harness, COMPLETIONS_PER_BUCKET, name, action=COMPLETION)
    assert len(harness.store.requests) == COMPLETIONS
    await send_at_once(harness, "other")
    refused = harness.send("other", "quick", action=COMPLETION)
    assert isinstance(await error_of(refused), Overloaded)
    await cancel(tasks)
    await harness.send("other", "quick", action=COMPLETION)


@with_harness
async def test_other_calls_delay_no_completions(harness: Harness) -> None:
    harness.store.script(responds_to_quick)
    await start_calls(harness, CALLS_PER_BUCKET, "reports")
    await send_at_once(harness, "reports", 16, action=COMPLETION)


@with_harness
async def test_a_slot_that_becomes_free_in_time_is_used(harness: Harness) -> None:
    harness.store.script(responds_to_quick)
    tasks = await start_calls(harness, CALLS_PER_BUCKET, "stuck")
    waiting = asyncio.ensure_future(harness.send("stuck", "quick"))
    await asyncio.sleep(SLOT_WAIT_SECONDS - 0.1)
    tasks[0].cancel()
    await waiting


@pytest.mark.parametrize(
    "response", [fails(), error(403, "AccessDenied"), hangs, streams(SlowStream(b""))]
)
@with_harness
async def test_a_failed_call_frees_its_slot(harness: Harness, response: Respond) -> None:
    harness.store.script(response)
    await asyncio.gather(*(error_of(harness.send()) for _ in range(CALLS_PER_BUCKET)))
    harness.store.script(responds())
    await asyncio.gather(*(harness.send() for _ in range(CALLS_PER_BUCKET)))


@pytest.mark.parametrize("number", [CALLS_PER_BUCKET, CALLS_PER_BUCKET + 20])
@with_harness
async def test_a_cancelled_call_frees_its_slot_even_while_waiting(
    harness: Harness, number: int
) -> None:
    harness.store.script(hangs)
    tasks = await start_calls(harness, number, "reports")
    await cancel(tasks)
    assert all(task.cancelled() for task in tasks)
    assert harness.observer.calls == [("reports", "HeadObject", "cancelled")] * number
    harness.store.script(responds())
    await send_at_once(harness, "reports", CALLS_PER_BUCKET)
