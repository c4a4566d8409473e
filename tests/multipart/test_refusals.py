"""Which calls are refused, and that a refused call is audited and never sent."""

import asyncio
from typing import Any, Final

import pytest

from service.access.grants import Operation
from service.errors import (
    CreateOnlyUnsupported,
    CredentialsUnavailable,
    Forbidden,
    InvalidRequest,
    LifetimeUnavailable,
    LimitExceeded,
    PresignError,
)
from service.multipart.part_plan import PartPlan
from service.sessions.attempts import ATTEMPT_SECONDS
from service.sessions.lifetime import Lifetime
from service.signing.multipart_actions import CreateMultipartUpload
from tests.multipart.harness import (
    EVERY_CALL,
    LENGTH,
    MIN_PART,
    Call,
    Harness,
    error_of,
    make_upload,
    start_harness,
    with_harness,
)
from tests.support.factories import make_bucket, make_grant, make_snapshot
from tests.support.virtual_time import in_virtual_time

NARROW: Final = make_grant(
    prefix="a/",
    allow=frozenset({Operation.MULTIPART}),
    max_content_length=LENGTH,
    content_types=("text/plain",),
)


LARGER: Final = {"plan": PartPlan(LENGTH + 1, MIN_PART)}
LARGER_MAX: Final = {"plan": PartPlan(LENGTH + 1, MIN_PART, is_max_length=True)}
OTHER_KEY: Final = {"upload": make_upload(key="x/b")}
HTML: Final = CreateMultipartUpload(content_type="text/html")
Refused = tuple[str, dict[str, Any], type[PresignError], list[str]]
REFUSED: Final[list[Refused]] = [
    ("create", {"key": "x/b"}, Forbidden, []),
    ("create", {"bucket": "none"}, Forbidden, []),
    ("sign_parts", OTHER_KEY, Forbidden, []),
    ("list_parts", {"key": "x/b"}, Forbidden, []),
    ("abort", {"key": "ab"}, Forbidden, []),
    ("complete", OTHER_KEY, Forbidden, []),
    ("create", LARGER, LimitExceeded, ["#/content_length"]),
    ("sign_parts", LARGER, LimitExceeded, ["#/content_length"]),
    ("complete", {"content_length": LENGTH + 1}, LimitExceeded, ["#/content_length"]),
    ("create", LARGER_MAX, LimitExceeded, ["#/max_content_length"]),
    ("sign_parts", LARGER_MAX, LimitExceeded, ["#/max_content_length"]),
    (
        "complete",
        {"content_length": LENGTH + 1, "is_max_length": True},
        LimitExceeded,
        ["#/max_content_length"],
    ),
    ("create", {"action": HTML}, LimitExceeded, ["#/content_type"]),
    ("create", {"content_type_given": False}, InvalidRequest, ["#/content_type"]),
    ("create", {"overwrite": True}, LimitExceeded, ["#/overwrite"]),
    ("complete", {"overwrite": True}, LimitExceeded, ["#/overwrite"]),
    ("create", {"key": ""}, InvalidRequest, ["#/key"]),
    ("list_parts", {"key": "a/../b"}, InvalidRequest, ["#/key"]),
]


@pytest.mark.parametrize(("method", "changes", "kind", "pointers"), REFUSED)
@in_virtual_time
async def test_a_refused_call_needs_neither_store_nor_session(
    method: str, changes: dict[str, Any], kind: type[PresignError], pointers: list[str]
) -> None:
    async with start_harness(make_snapshot(NARROW)) as harness:
        error = await error_of(getattr(harness, method)(**changes), kind)
        assert list(error.pointers) == pointers
        assert (harness.events, harness.session_calls) == (["line"], 0)
        [line] = harness.audit_lines
        assert (line["decision"], line["reason"]) == ("denied", kind.code)


@pytest.mark.parametrize(("call", "action", "upload_id"), EVERY_CALL)
@in_virtual_time
async def test_all_other_operations_together_are_not_enough(
    call: Call, action: str, upload_id: str | None
) -> None:
    others = frozenset(Operation) - {Operation.MULTIPART}
    async with start_harness(make_snapshot(make_grant(allow=others))) as harness:
        await error_of(call(harness), Forbidden)
        assert (harness.events, harness.session_calls) == (["line"], 0)
        [line] = harness.audit_lines
        assert (line["action"], line.get("upload_id")) == (action, upload_id)


@in_virtual_time
async def test_calls_after_the_creation_need_no_content_type() -> None:
    async with start_harness(make_snapshot(NARROW)) as harness:
        await harness.create()
        await harness.sign_parts()
        [*_, part] = harness.put_parts()
        await harness.list_parts()
        await harness.complete(part, content_length=7)
        await harness.create()
        await harness.abort(upload_id="upload-2")


@pytest.mark.parametrize(("call", "action", "upload_id"), EVERY_CALL)
@with_harness
async def test_without_a_session_nothing_is_sent(
    harness: Harness, call: Call, action: str, upload_id: str | None
) -> None:
    harness.sources["reports"].hangs = True
    await error_of(call(harness), CredentialsUnavailable)
    assert harness.clock.boot() <= ATTEMPT_SECONDS + 0.1
    assert harness.store.requests == []
    [line] = harness.audit_lines
    assert (line["reason"], line["action"]) == ("credentials_unavailable", action)


@in_virtual_time
async def test_a_lifetime_is_limited_by_the_grant() -> None:
    async with start_harness(make_snapshot(make_grant(max_expires_in=60))) as harness:
        created = await harness.create()
        assert (created.validity.expires_in, created.validity.limited_by) == (60, None)
        signed = await harness.sign_parts(lifetime=Lifetime(expires_in=600))
        assert (signed.validity.expires_in, signed.validity.limited_by) == (60, "grant")
        longer = Lifetime(min_expires_in=61)
        calls = len(harness.store.requests)
        await error_of(harness.create(lifetime=longer), LifetimeUnavailable)
        await error_of(harness.sign_parts(lifetime=longer), LifetimeUnavailable)
        assert len(harness.store.requests) == calls


@in_virtual_time
async def test_a_store_without_conditional_writes_needs_overwrite() -> None:
    buckets = {"reports": make_bucket(conditional_writes=False)}
    snapshot = make_snapshot(make_grant(allow_overwrite=True), buckets=buckets)
    async with start_harness(snapshot) as harness:
        for call in (harness.create, harness.complete):
            error = await error_of(call(), CreateOnlyUnsupported)
            assert list(error.pointers) == ["#/overwrite"]
        assert (harness.store.requests, harness.session_calls) == ([], 0)
        await harness.create(overwrite=True)
        await harness.sign_parts()
        [*_, part] = harness.put_parts()
        await harness.list_parts()
        await harness.complete(part, content_length=7, overwrite=True)
        assert "if-none-match" not in harness.store.requests[-1].headers


@with_harness
async def test_a_grant_removed_during_the_wait_no_longer_counts(harness: Harness) -> None:
    harness.sources["reports"].delay = 1
    loop = asyncio.get_running_loop()
    loop.call_later(0.5, setattr, harness.authorizer, "snapshot", make_snapshot())
    await error_of(harness.list_parts(), Forbidden)
    assert harness.store.requests == []
