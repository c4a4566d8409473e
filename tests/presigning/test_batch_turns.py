"""A long batch lets other requests run, and is decided with the configuration at its end."""

import asyncio

import pytest

from service.errors import Forbidden, PresignError
from service.presigning.presigner import MAX_RUN
from service.presigning.requests import PresignBatch, PresignRequest
from tests.presigning.house import House, a_house, an_ask
from tests.support.fakes import (
    REQUESTER,
    a_grant,
    a_snapshot,
    in_virtual_time,
)

MANY = 5 * MAX_RUN


def asks() -> list[PresignRequest | PresignError]:
    """No two alike, so that each is decided by itself."""
    return [an_ask(key=f"a/{number}", expires_in=number + 1) for number in range(MANY)]


async def withdrawn_meanwhile(house: House) -> None:
    """After the first turn of a batch, and long before its last."""
    await asyncio.sleep(0)
    house.authorizer.snapshot = a_snapshot()


@pytest.mark.parametrize("warm", [True, False])
@in_virtual_time
async def test_a_grant_that_is_withdrawn_in_the_middle_signs_nothing(*, warm: bool) -> None:
    house = a_house(a_snapshot(a_grant()))
    if warm:
        await house.presigner.presign(REQUESTER, an_ask())
    lines = len(house.audit_trail)
    batch = asyncio.create_task(house.sign_batch(asks()))
    await withdrawn_meanwhile(house)
    answers = await batch
    assert len(answers) == MANY
    assert {type(answer) for answer in answers} == {Forbidden}
    assert all(b'"denied"' in line for line in house.audit_trail[lines:])


@in_virtual_time
async def test_keys_of_alternating_grants_let_other_requests_run() -> None:
    house = a_house(a_snapshot(a_grant(prefix="a/"), a_grant(prefix="b/")))
    await house.presigner.presign(REQUESTER, an_ask())
    keys = [f"{'ab'[number % 2]}/{number}" for number in range(MANY)]
    turns = await turns_during(house, [PresignBatch(an_ask(), keys)])
    assert turns >= MANY // MAX_RUN


@in_virtual_time
async def test_keys_that_need_encoding_let_other_requests_run() -> None:
    house = a_house(a_snapshot(a_grant()))
    await house.presigner.presign(REQUESTER, an_ask())
    turns = await turns_during(house, [PresignBatch(an_ask(), [f"a/ä{n}" for n in range(MANY)])])
    assert turns >= MANY // MAX_RUN


async def turns_during(house: House, asked: list[PresignBatch]) -> int:
    turns, batch = 0, asyncio.create_task(house.sign_batch(asked))
    while not batch.done():
        turns += 1
        await asyncio.sleep(0)
    answers = await batch
    assert not [answer for answer in answers if isinstance(answer, PresignError)]
    return turns
