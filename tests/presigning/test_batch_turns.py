"""A long batch lets others have their turn, and is decided on what stands when it is answered."""

import asyncio

import pytest

from service.concurrency.event_loop import ITEMS_PER_SLICE
from service.errors import Forbidden, PresignError
from service.presigning.requests import PresignBatch, PresignRequest
from tests.presigning.house import House, a_house, an_ask
from tests.support.fakes import (
    REQUESTER,
    a_grant,
    a_snapshot,
    in_virtual_time,
)

MANY = 5 * ITEMS_PER_SLICE


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
    batch = asyncio.create_task(house.presigner.presign_batch(REQUESTER, asks()))
    await withdrawn_meanwhile(house)
    answers = await batch
    assert len(answers) == MANY
    assert {type(answer) for answer in answers} == {Forbidden}
    assert all(b'"denied"' in line for line in house.audit_trail[lines:])


@in_virtual_time
async def test_keys_that_are_alike_but_for_who_may_have_them_let_others_have_their_turn() -> None:
    """They are one request to begin with, halved until each half is decided as one."""
    house = a_house(a_snapshot(a_grant(prefix="a/"), a_grant(prefix="b/")))
    await house.presigner.presign(REQUESTER, an_ask())
    keys = [f"{'ab'[number % 2]}/{number}" for number in range(MANY)]
    turns = await turns_during(house, [PresignBatch(an_ask(), keys)])
    assert turns >= MANY // ITEMS_PER_SLICE


@in_virtual_time
async def test_keys_that_have_to_be_encoded_let_others_have_their_turn() -> None:
    house = a_house(a_snapshot(a_grant()))
    await house.presigner.presign(REQUESTER, an_ask())
    turns = await turns_during(house, [PresignBatch(an_ask(), [f"a/ä{n}" for n in range(MANY)])])
    assert turns >= MANY // ITEMS_PER_SLICE


async def turns_during(house: House, asked: list[PresignBatch]) -> int:
    turns, batch = 0, asyncio.create_task(house.presigner.presign_batch(REQUESTER, asked))
    while not batch.done():
        turns += 1
        await asyncio.sleep(0)
    answers = await batch
    assert not [answer for answer in answers if isinstance(answer, PresignError)]
    return turns
