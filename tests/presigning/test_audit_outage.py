"""Without a trail nobody is answered."""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import pytest

from service.errors import Overloaded
from service.presigning.audit import WriteLines
from service.presigning.audit_trail import AuditTrail
from tests.presigning.house import (
    BOTH,
    NARROW,
    UPLOAD,
    House,
    a_form_ask,
    a_house,
    an_ask,
)
from tests.support.fakes import (
    REQUESTER,
    a_grant,
    a_snapshot,
    in_virtual_time,
)


class FailingTrail:
    """Takes no line, and sees what it was to take."""

    def __init__(self) -> None:
        self.offered: list[bytes] = []

    def __call__(self, lines: Iterable[bytes]) -> None:
        self.offered += lines
        raise Overloaded("The audit trail cannot be written right now.", retry_after=1)


def writing(house: House, write: WriteLines) -> None:
    """From now on the trail goes there."""
    house.authorizer._audit_trail = AuditTrail(write, clock=house.clock)


def a_failing_house(**more: Any) -> tuple[House, FailingTrail]:
    house, audit_trail = a_house(a_snapshot(NARROW, buckets=BOTH), **more), FailingTrail()
    writing(house, audit_trail)
    return house, audit_trail


FORM: Final = a_form_ask(key_prefix="in/")
MIXED: Final = [an_ask(key="a/1"), an_ask(key="x/2"), an_ask(bucket="photos")]
Answer = Callable[[House], Awaitable[object]]
ANSWERS = [
    pytest.param(lambda house: house.presigner.presign(REQUESTER, an_ask()), id="a request"),
    pytest.param(lambda house: house.presigner.presign(REQUESTER, an_ask(UPLOAD)), id="an upload"),
    pytest.param(lambda house: house.presigner.presign_form(REQUESTER, FORM), id="a form"),
    pytest.param(lambda house: house.sign_batch(MIXED), id="a batch"),
    pytest.param(lambda house: house.presigner.presign(REQUESTER, an_ask(key="x")), id="a refusal"),
    pytest.param(
        lambda house: house.presigner.presign_form(REQUESTER, a_form_ask(key="a/k")),
        id="a form that has no key",
    ),
]


@pytest.mark.parametrize("cold", [True, False])
@pytest.mark.parametrize("answer", ANSWERS)
@in_virtual_time
async def test_without_a_trail_nobody_is_answered(answer: Answer, cold: bool) -> None:
    house, audit_trail = a_failing_house()
    if not cold:
        with pytest.raises(Overloaded):
            await house.presigner.presign(REQUESTER, an_ask())
    offered = len(audit_trail.offered)
    with pytest.raises(Overloaded) as refused:
        await answer(house)
    assert (refused.value.code, refused.value.retry_after) == ("overloaded", 1)
    assert "https" not in f"{refused.value!r} {vars(refused.value)}"
    assert len(audit_trail.offered) > offered


@in_virtual_time
async def test_a_trail_that_fails_midway_through_a_batch_answers_none_of_it() -> None:
    house = a_house(a_snapshot(a_grant()))
    taken: list[bytes] = []

    def half(lines: Iterable[bytes]) -> None:
        for number, line in enumerate(lines):
            if number:
                raise Overloaded("Full.", retry_after=1)
            taken.append(line)

    writing(house, half)
    with pytest.raises(Overloaded):
        await house.sign_batch([an_ask(key=str(n) * 900) for n in range(60)])
    assert json.loads(taken[0])["parts"] > 1


@in_virtual_time
async def test_when_the_trail_is_back_the_next_is_answered() -> None:
    house, _ = a_failing_house()
    with pytest.raises(Overloaded):
        await house.presigner.presign(REQUESTER, an_ask())
    writing(house, house.audit_trail.extend)
    assert (await house.presigner.presign(REQUESTER, an_ask())).url
    assert [json.loads(line)["decision"] for line in house.audit_trail] == ["allowed"]
