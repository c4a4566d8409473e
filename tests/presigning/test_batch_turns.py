"""A long batch lets other requests run, and is decided with the configuration at its end."""

import asyncio

import pytest

from service.concurrency.event_loop import ITEMS_PER_SLICE
from service.errors import Forbidden, PresignError
from service.presigning.requests import PresignBatch, PresignRequest
from tests.support.authorizer import Harness, make_harness
from tests.support.factories import make_grant, make_request, make_snapshot
from tests.support.virtual_time import in_virtual_time

MANY = 5 * ITEMS_PER_SLICE


def requests() -> list[PresignRequest | PresignError]:
    """No two alike, so that each is decided by itself."""
    return [make_request(key=f"a/{number}", expires_in=number + 1) for number in range(MANY)]


async def withdrawn_meanwhile(harness: Harness) -> None:
    """After the first turn of a batch, and long before its last."""
    await asyncio.sleep(0)
    harness.authorizer.snapshot = make_snapshot()


@pytest.mark.parametrize("warm", [True, False])
@in_virtual_time
async def test_a_grant_that_is_withdrawn_in_the_middle_signs_nothing(*, warm: bool) -> None:
    harness = make_harness(make_snapshot(make_grant()))
    if warm:
        await harness.presign(make_request())
    lines = len(harness.audit_bytes)
    batch = asyncio.create_task(harness.presign_batch(requests()))
    await withdrawn_meanwhile(harness)
    answers = await batch
    assert len(answers) == MANY
    assert {type(answer) for answer in answers} == {Forbidden}
    assert all(b'"denied"' in line for line in harness.audit_bytes[lines:])


@in_virtual_time
async def test_keys_of_alternating_grants_let_other_requests_run() -> None:
    harness = make_harness(make_snapshot(make_grant(prefix="a/"), make_grant(prefix="b/")))
    await harness.presign(make_request())
    keys = [f"{'ab'[number % 2]}/{number}" for number in range(MANY)]
    turns = await turns_during(harness, [PresignBatch(make_request(), keys)])
    assert turns >= MANY // ITEMS_PER_SLICE


@in_virtual_time
async def test_keys_that_need_encoding_let_other_requests_run() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    await harness.presign(make_request())
    turns = await turns_during(
        harness, [PresignBatch(make_request(), [f"a/{'ä' * 200}{n}" for n in range(MANY)])]
    )
    assert turns >= MANY // ITEMS_PER_SLICE


async def turns_during(harness: Harness, asked: list[PresignBatch]) -> int:
    turns, batch = 0, asyncio.create_task(harness.presign_batch(asked))
    while not batch.done():
        turns += 1
        await asyncio.sleep(0)
    answers = await batch
    assert not [answer for answer in answers if isinstance(answer, PresignError)]
    return turns
