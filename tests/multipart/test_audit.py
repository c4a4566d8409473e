"""Each call is audited, and counted against the rate, before it is sent to the store."""

from contextlib import suppress
from typing import NoReturn

import pytest

from service.access.callers import Rate
from service.errors import InvalidPart, Overloaded, RateLimited
from service.multipart.part_plan import PartPlan
from service.presigning.audit_trail import AuditTrail
from tests.multipart.harness import (
    EVERY_CALL,
    MIN_PART,
    Call,
    Harness,
    error_of,
    start_harness,
    with_harness,
)
from tests.support.factories import SECRET, TOKEN
from tests.support.virtual_time import in_virtual_time


@pytest.mark.parametrize(("call", "action", "upload_id"), EVERY_CALL)
@with_harness
async def test_a_call_is_audited_before_it_is_sent(
    harness: Harness, call: Call, action: str, upload_id: str | None
) -> None:
    await harness.create()
    del harness.events[:], harness.audit_bytes[:]
    with suppress(InvalidPart):  # the store has no parts
        await call(harness)
    assert harness.events[:1] == ["line"]
    assert (len(harness.events) == 1) == (action == "UploadPart")  # the caller sends parts
    [line] = harness.audit_lines
    signs = action in {"CreateMultipartUpload", "UploadPart"}
    expected = {
        "decision": "allowed",
        "action": action,
        "upload_id": upload_id,
        "operation": "multipart",
        "bucket": "reports",
        "keys": ["a/b"],
        "access_key_id": "ASIAFAKE000000000000",
        "expires_in": 900 if signs else None,
    }
    assert {name: line.get(name) for name in expected} == expected


@pytest.mark.parametrize(("call", "action", "upload_id"), EVERY_CALL)
@with_harness
async def test_a_call_that_cannot_be_audited_is_not_sent(
    harness: Harness, call: Call, action: str, upload_id: str | None
) -> None:
    def full(lines: object) -> NoReturn:
        raise Overloaded("The trail is full.", retry_after=1)

    harness.authorizer.audit_trail = AuditTrail(full, clock=harness.clock, observer=harness.metrics)
    await error_of(call(harness), Overloaded)
    assert harness.store.requests == []
    assert harness.signed_urls() == 0
    assert harness.metrics.registry.get_sample_value("presign_audit_failures_total") == 1


@with_harness
async def test_the_audit_trail_has_no_secrets(harness: Harness) -> None:
    created = await harness.create()
    await harness.abort()
    audit_trail = b"".join(harness.audit_bytes).decode()
    signatures = [part.url.rpartition("=")[2] for part in created.parts]
    for secret in (*signatures, SECRET, TOKEN):
        assert secret not in audit_trail
        assert secret not in repr(created)


@in_virtual_time
async def test_urls_and_calls_count_against_the_rate() -> None:
    async with start_harness(rate=Rate(9, 60)) as harness:
        await harness.create()  # three URLs
        await harness.sign_parts(1, 2, 3)
        await harness.list_parts()
        error = await error_of(harness.sign_parts(1, 2, 3), RateLimited)
        assert error.retry_after
        await harness.list_parts()
        await harness.abort()
        calls = len(harness.store.requests)
        for call in (harness.list_parts, harness.abort, harness.complete, harness.create):
            await error_of(call(), RateLimited)
        assert len(harness.store.requests) == calls
        assert harness.audit_lines[-1]["reason"] == "rate_limited"


@in_virtual_time
async def test_the_first_parts_stay_within_the_rate() -> None:
    async with start_harness(rate=Rate(5, 60)) as harness:
        created = await harness.create(PartPlan(40 * MIN_PART, MIN_PART))
        assert [part.part_number for part in created.parts] == [1, 2, 3, 4, 5]
        await error_of(harness.list_parts(), RateLimited)
