"""Who may not have an answer, and what stands after a wait."""

import asyncio
from dataclasses import replace

import pytest

from service.access.grants import Caller
from service.errors import Forbidden, InvalidRequest, LimitExceeded, PresignError
from service.presigning.requests import PresignRequest
from service.signing.actions import DeleteObject, GetObject, ListObjects
from tests.presigning.house import (
    BOTH,
    NARROW,
    UPLOAD,
    a_form_ask,
    a_house,
    an_ask,
    epoch,
    refusal,
    requester,
    times,
    urls_of,
)
from tests.support.fakes import (
    CALLER,
    REQUESTER,
    a_grant,
    a_snapshot,
    in_virtual_time,
)

DENIED = [
    pytest.param(an_ask(key="x/b"), Forbidden, id="another key"),
    pytest.param(an_ask(DeleteObject()), Forbidden, id="another operation"),
    pytest.param(an_ask(ListObjects(prefix=""), key=""), Forbidden, id="a list of the bucket"),
    pytest.param(an_ask(bucket="photos"), Forbidden, id="another's bucket"),
    pytest.param(an_ask(bucket="none"), Forbidden, id="no bucket"),
    pytest.param(an_ask(key="a/../b"), InvalidRequest, id="no key"),
    pytest.param(an_ask(GetObject(version_id="1")), LimitExceeded, id="a version"),
    pytest.param(an_ask(replace(UPLOAD, content_length=101)), LimitExceeded, id="too large"),
    pytest.param(an_ask(replace(UPLOAD, overwrite=True)), LimitExceeded, id="an overwrite"),
    pytest.param(an_ask(replace(UPLOAD, if_match='"e"')), LimitExceeded, id="a replacement"),
    pytest.param(replace(an_ask(UPLOAD), content_type_given=False), InvalidRequest, id="no type"),
]


@pytest.mark.parametrize(("ask", "error"), DENIED)
@in_virtual_time
async def test_whoever_may_not_have_an_answer_starts_no_session(
    ask: PresignRequest, error: type[PresignError]
) -> None:
    house = a_house(a_snapshot(NARROW, buckets=BOTH))
    assert type(await refusal(house, ask)) is error
    [answer] = await house.sign_batch([ask])
    assert type(answer) is error
    await asyncio.sleep(60)
    assert house.fetches == 0


@in_virtual_time
async def test_a_caller_without_grants_or_of_another_issuer_gets_nothing() -> None:
    house = a_house(a_snapshot(a_grant()))
    for caller in (
        Caller(issuer="cluster-a", subject=CALLER.subject),
        Caller(issuer=None, subject="Billing"),
    ):
        assert isinstance(await refusal(house, an_ask(), caller), Forbidden)
        with pytest.raises(Forbidden):
            await house.presigner.presign_form(requester(caller), a_form_ask(key_prefix=""))
    assert house.fetches == 0


@in_virtual_time
async def test_an_unknown_bucket_and_a_forbidden_one_are_told_alike() -> None:
    house = a_house(a_snapshot(NARROW, buckets=BOTH))
    unknown = await refusal(house, an_ask(bucket="none"))
    forbidden = await refusal(house, an_ask(bucket="photos"))
    assert type(unknown) is type(forbidden)
    assert vars(unknown) == vars(forbidden)
    assert str(unknown) == str(forbidden)


@in_virtual_time
async def test_the_grant_that_stands_after_the_wait_decides() -> None:
    house = a_house(a_snapshot(a_grant()), delay=1)
    asked = asyncio.ensure_future(house.presigner.presign(REQUESTER, an_ask()))
    await asyncio.sleep(0.5)
    house.authorizer.snapshot = a_snapshot()
    with pytest.raises(Forbidden):
        await asked


@in_virtual_time
async def test_the_limits_that_stand_after_the_wait_decide() -> None:
    house = a_house(a_snapshot(a_grant()), delay=1)
    asked = asyncio.ensure_future(house.presigner.presign(REQUESTER, an_ask()))
    form = asyncio.ensure_future(house.presigner.presign_form(REQUESTER, a_form_ask(key_prefix="")))
    batch = asyncio.ensure_future(house.sign_batch([an_ask()]))
    await asyncio.sleep(0.5)
    house.authorizer.snapshot = a_snapshot(a_grant(max_expires_in=7))
    assert times((await asked).url)[1] == 7
    assert (await form).validity.expires_at - epoch((await form).fields["x-amz-date"]) == 7
    [item] = await batch
    assert times(*urls_of([item]))[1] == 7
