"""Without a trail nobody is answered."""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

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


def make_failing_harness() -> tuple[Harness, list[bytes]]:
    """A harness that cannot write a line, and the lines that it tried to write."""
    harness, offered = make_harness(make_snapshot(NARROW, buckets=TWO_BUCKETS)), list[bytes]()

    def fail(lines: Iterable[bytes]) -> None:
        offered.extend(lines)
        raise Overloaded("The audit trail cannot be written right now.", retry_after=1)

    harness.write_audit_to(fail)
    return harness, offered


FORM: Final = make_form_request(key_prefix="in/")
NO_KEY: Final = make_form_request(key="a/k")
MIXED: Final = [make_request(key="a/1"), make_request(key="x/2"), make_request(bucket="photos")]
Answer = Callable[[Harness], Awaitable[object]]
ANSWERS = [
    pytest.param(lambda harness: harness.presign(make_request()), id="a request"),
    pytest.param(lambda harness: harness.presign(make_request(UPLOAD)), id="an upload"),
    pytest.param(lambda harness: harness.presign_form(FORM), id="a form"),
    pytest.param(lambda harness: harness.presign_batch(MIXED), id="a batch"),
    pytest.param(lambda harness: harness.presign(make_request(key="x")), id="a refusal"),
    pytest.param(lambda harness: harness.presign_form(NO_KEY), id="a form that has no key"),
]


@pytest.mark.parametrize("cold", [True, False])
@pytest.mark.parametrize("answer", ANSWERS)
@in_virtual_time
async def test_without_a_trail_nobody_is_answered(answer: Answer, cold: bool) -> None:
    """Not even with a refusal: a caller that fills the trail could look for grants unseen."""
    harness, offered = make_failing_harness()
    if not cold:
        with pytest.raises(Overloaded):
            await harness.presign(make_request())
    before = len(offered)
    with pytest.raises(Overloaded) as refused:
        await answer(harness)
    assert (refused.value.code, refused.value.retry_after) == ("overloaded", 1)
    assert "https" not in f"{refused.value!r} {vars(refused.value)}"
    assert len(offered) > before


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
