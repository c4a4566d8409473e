"""Who may do what to an upload, and that it stands in the trail before the store hears of it."""

import asyncio
from typing import Final

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
from tests.multipart.calls import EVERY, Act, abort, complete, create, list_, sign
from tests.multipart.fake_s3 import (
    LEAST,
    LENGTH,
    PLAN,
    a_completion,
    a_house,
    a_window,
    an_upload,
    new_upload,
    refusal,
)
from tests.support.fakes import (
    REQUESTER,
    a_bucket,
    a_grant,
    a_snapshot,
    in_virtual_time,
)

NARROW: Final = a_grant(
    prefix="a/",
    allow=frozenset({Operation.MULTIPART}),
    max_content_length=LENGTH,
    content_types=("text/plain",),
)


LARGER: Final = PartPlan(LENGTH + 1, LEAST)
OTHER: Final = an_upload(key="x/b")
REFUSED: Final = [
    pytest.param(create(key="x/b"), Forbidden, [], id="create another key"),
    pytest.param(create(bucket="none"), Forbidden, [], id="create in no bucket"),
    pytest.param(sign(upload=OTHER), Forbidden, [], id="sign another key"),
    pytest.param(list_(key="x/b"), Forbidden, [], id="list another key"),
    pytest.param(abort(key="ab"), Forbidden, [], id="abort another key"),
    pytest.param(complete(upload=OTHER), Forbidden, [], id="complete another key"),
    pytest.param(create(plan=LARGER), LimitExceeded, ["#/content_length"], id="create too much"),
    pytest.param(sign(plan=LARGER), LimitExceeded, ["#/content_length"], id="sign too much"),
    pytest.param(
        complete(content_length=LENGTH + 1),
        LimitExceeded,
        ["#/content_length"],
        id="complete too much",
    ),
    pytest.param(
        create(action=CreateMultipartUpload(content_type="text/html")),
        LimitExceeded,
        ["#/content_type"],
        id="create of another type",
    ),
    pytest.param(
        create(content_type_given=False), InvalidRequest, ["#/content_type"], id="create of no type"
    ),
    pytest.param(create(overwrite=True), LimitExceeded, ["#/overwrite"], id="create over another"),
    pytest.param(
        complete(overwrite=True), LimitExceeded, ["#/overwrite"], id="complete over another"
    ),
    pytest.param(create(key=""), InvalidRequest, ["#/key"], id="create no key"),
    pytest.param(list_(key="a/../b"), InvalidRequest, ["#/key"], id="list a key of dots"),
]


@pytest.mark.parametrize(("act", "kind", "pointers"), REFUSED)
@in_virtual_time
async def test_who_may_not_is_refused_without_a_call_and_without_a_session(
    act: Act, kind: type[PresignError], pointers: list[str]
) -> None:
    async with a_house(a_snapshot(NARROW)) as house:
        told = await refusal(act(house), kind)
        assert list(told.pointers) == pointers
        assert house.order == ["line"]
        assert house.fetches == 0
        assert (house.told[0]["decision"], house.told[0]["reason"]) == ("denied", kind.code)


@pytest.mark.parametrize(("act", "action", "upload_id"), EVERY)
@in_virtual_time
async def test_every_other_operation_together_is_not_enough(
    act: Act, action: str, upload_id: str | None
) -> None:
    others = frozenset(Operation) - {Operation.MULTIPART}
    async with a_house(a_snapshot(a_grant(allow=others))) as house:
        await refusal(act(house), Forbidden)
        assert (house.order, house.fetches) == (["line"], 0)
        [line] = house.told
        assert (line["action"], line.get("upload_id")) == (action, upload_id)


@pytest.mark.parametrize(("act", "action", "upload_id"), EVERY)
@in_virtual_time
async def test_later_calls_name_no_type_and_are_allowed(
    act: Act, action: str, upload_id: str | None
) -> None:
    async with a_house(a_snapshot(NARROW)) as house:
        await create()(house)
        [*_, part] = [house.store.put("upload-1", n, PLAN.length(n)) for n in (1, 2, 3)]
        if action == "CompleteMultipartUpload":
            act = complete(parts=[part], content_length=7)
        await act(house)


@pytest.mark.parametrize(("act", "action", "upload_id"), EVERY)
@in_virtual_time
async def test_without_a_session_nothing_is_sent(
    act: Act, action: str, upload_id: str | None
) -> None:
    async with a_house() as house:
        house.sources["reports"].hangs = True
        await refusal(act(house), CredentialsUnavailable)
        assert house.clock.boot() <= ATTEMPT_SECONDS + 0.1
        assert house.store.requests == []
        [line] = house.told
        assert (line["reason"], line["action"]) == ("credentials_unavailable", action)


@in_virtual_time
async def test_a_session_that_has_died_signs_nothing_more() -> None:
    async with a_house() as house:
        await create()(house)
        house.sources["reports"].fault = OSError("no route")
        house.clock.suspend(4000)
        for act in (sign(), list_(), abort(), complete(), create()):
            told = await refusal(act(house), CredentialsUnavailable)
            assert told.retry_after
        assert len(house.store.requests) == 1


@in_virtual_time
async def test_a_lifetime_is_the_grants_and_can_be_insisted_on() -> None:
    async with a_house(a_snapshot(a_grant(max_expires_in=60))) as house:
        created = await house.multipart.create(REQUESTER, new_upload())
        assert (created.validity.expires_in, created.validity.limited_by) == (60, None)
        asked = Lifetime(expires_in=600)
        signed = await house.multipart.sign_parts(REQUESTER, a_window(lifetime=asked))
        assert (signed.validity.expires_in, signed.validity.limited_by) == (60, "grant")
        insisting = Lifetime(min_expires_in=61)
        calls = len(house.store.requests)
        await refusal(create(lifetime=insisting)(house), LifetimeUnavailable)
        await refusal(sign(lifetime=insisting)(house), LifetimeUnavailable)
        assert len(house.store.requests) == calls


@in_virtual_time
async def test_a_store_without_conditions_is_asked_to_overwrite_or_not_at_all() -> None:
    buckets = {"reports": a_bucket(conditional_writes=False)}
    snapshot = a_snapshot(a_grant(allow_overwrite=True), buckets=buckets)
    async with a_house(snapshot) as house:
        for act in (create(), complete()):
            told = await refusal(act(house), CreateOnlyUnsupported)
            assert list(told.pointers) == ["#/overwrite"]
        assert (house.store.requests, house.fetches) == ([], 0)
        await create(overwrite=True)(house)
        await sign()(house)
        [*_, part] = [house.store.put("upload-1", n, PLAN.length(n)) for n in (1, 2, 3)]
        await list_()(house)
        ask = a_completion(part, content_length=7, overwrite=True)
        await house.multipart.complete(REQUESTER, ask)
        assert "if-none-match" not in house.store.requests[-1].headers


@in_virtual_time
async def test_a_grant_that_is_lost_while_a_session_comes_is_lost() -> None:
    async with a_house() as house:
        house.sources["reports"].delay = 1
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, setattr, house.authorizer, "snapshot", a_snapshot())
        await refusal(list_()(house), Forbidden)
        assert house.store.requests == []
