"""Without a trail nobody is answered."""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import pytest

from service.errors import Overloaded
from tests.support.authorizer import Harness, make_harness
from tests.support.factories import (
    NARROW,
    TWO_BUCKETS,
    UPLOAD,
    make_form_request,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.virtual_time import in_virtual_time


class FailingTrail:
    """Takes no line, and sees what it was to take."""

    def __init__(self) -> None:
        self.offered: list[bytes] = []

    def __call__(self, lines: Iterable[bytes]) -> None:
        self.offered += lines
        raise Overloaded("The audit trail cannot be written right now.", retry_after=1)


def make_failing_harness(**more: Any) -> tuple[Harness, FailingTrail]:
    harness, audit_trail = (
        make_harness(make_snapshot(NARROW, buckets=TWO_BUCKETS), **more),
        FailingTrail(),
    )
    harness.write_audit_to(audit_trail)
    return harness, audit_trail


FORM: Final = make_form_request(key_prefix="in/")
MIXED: Final = [make_request(key="a/1"), make_request(key="x/2"), make_request(bucket="photos")]
Answer = Callable[[Harness], Awaitable[object]]
ANSWERS = [
    pytest.param(lambda harness: harness.presign(make_request()), id="a request"),
    pytest.param(lambda harness: harness.presign(make_request(UPLOAD)), id="an upload"),
    pytest.param(lambda harness: harness.presign_form(FORM), id="a form"),
    pytest.param(lambda harness: harness.presign_batch(MIXED), id="a batch"),
    pytest.param(lambda harness: harness.presign(make_request(key="x")), id="a refusal"),
    pytest.param(
        lambda harness: harness.presign_form(make_form_request(key="a/k")),
        id="a form that has no key",
    ),
]


@pytest.mark.parametrize("cold", [True, False])
@pytest.mark.parametrize("answer", ANSWERS)
@in_virtual_time
async def test_without_a_trail_nobody_is_answered(answer: Answer, cold: bool) -> None:
    harness, audit_trail = make_failing_harness()
    if not cold:
        with pytest.raises(Overloaded):
            await harness.presign(make_request())
    offered = len(audit_trail.offered)
    with pytest.raises(Overloaded) as refused:
        await answer(harness)
    assert (refused.value.code, refused.value.retry_after) == ("overloaded", 1)
    assert "https" not in f"{refused.value!r} {vars(refused.value)}"
    assert len(audit_trail.offered) > offered


@in_virtual_time
async def test_a_batch_fails_whole_if_its_audit_fails_midway() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    taken: list[bytes] = []

    def half(lines: Iterable[bytes]) -> None:
        for number, line in enumerate(lines):
            if number:
                raise Overloaded("Full.", retry_after=1)
            taken.append(line)

    harness.write_audit_to(half)
    with pytest.raises(Overloaded):
        await harness.presign_batch([make_request(key=str(n) * 900) for n in range(60)])
    assert json.loads(taken[0])["parts"] > 1


@in_virtual_time
async def test_when_the_trail_is_back_the_next_is_answered() -> None:
    harness, _ = make_failing_harness()
    with pytest.raises(Overloaded):
        await harness.presign(make_request())
    harness.write_audit_to(harness.audit_bytes.extend)
    assert (await harness.presign(make_request())).url
    assert [json.loads(line)["decision"] for line in harness.audit_bytes] == ["allowed"]
