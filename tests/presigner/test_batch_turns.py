"""A long batch lets others have their turn, and is decided on what stands when it is answered."""

import asyncio

import pytest

from service.asks import Ask
from service.errors import Forbidden, PresignError
from service.off_loop import A_TURN
from tests.fakes import REQUESTER, a_grant, a_snapshot, in_virtual_time
from tests.presigner.house import House, a_house, an_ask

MANY = 5 * A_TURN


def asks() -> list[Ask | PresignError]:
    """No two alike, so that each is decided by itself."""
    return [an_ask(key=f"a/{number}", expires_in=number + 1) for number in range(MANY)]


async def withdrawn_meanwhile(house: House) -> None:
    """After the first turn of a batch, and long before its last."""
    await asyncio.sleep(0)
    house.authority.snapshot = a_snapshot()


@pytest.mark.parametrize("warm", [True, False])
@in_virtual_time
async def test_a_grant_that_is_withdrawn_in_the_middle_signs_nothing(*, warm: bool) -> None:
    house = a_house(a_snapshot(a_grant()))
    if warm:
        await house.presigner.presign(REQUESTER, an_ask())
    lines = len(house.trail)
    batch = asyncio.create_task(house.presigner.presign_batch(REQUESTER, asks()))
    await withdrawn_meanwhile(house)
    answers = await batch
    assert len(answers) == MANY
    assert {type(answer) for answer in answers} == {Forbidden}
    assert all(b'"denied"' in line for line in house.trail[lines:])
