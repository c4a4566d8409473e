"""Who may not have an answer, and what stands after a wait."""

import asyncio
from dataclasses import replace

import pytest

from service.access.grants import Caller
from service.errors import Forbidden, InvalidRequest, LimitExceeded, PresignError
from service.presigning.requests import PresignRequest
from service.signing.actions import DeleteObject, GetObject, ListObjects
from tests.support.authorizer import make_harness, urls_of
from tests.support.factories import (
    CALLER,
    NARROW,
    TWO_BUCKETS,
    UPLOAD,
    make_form_request,
    make_grant,
    make_request,
    make_requester,
    make_snapshot,
)
from tests.support.signed_urls import epoch_seconds, validity_of
from tests.support.virtual_time import in_virtual_time

DENIED = [
    pytest.param(make_request(key="x/b"), Forbidden, id="another key"),
    pytest.param(make_request(DeleteObject()), Forbidden, id="another operation"),
    pytest.param(
        make_request(ListObjects(prefix=""), key=""), Forbidden, id="a list of the bucket"
    ),
    pytest.param(make_request(bucket="photos"), Forbidden, id="another's bucket"),
    pytest.param(make_request(bucket="none"), Forbidden, id="no bucket"),
    pytest.param(make_request(key="a/../b"), InvalidRequest, id="no key"),
    pytest.param(make_request(GetObject(version_id="1")), LimitExceeded, id="a version"),
    pytest.param(make_request(replace(UPLOAD, content_length=101)), LimitExceeded, id="too large"),
    pytest.param(make_request(replace(UPLOAD, overwrite=True)), LimitExceeded, id="an overwrite"),
    pytest.param(make_request(replace(UPLOAD, if_match='"e"')), LimitExceeded, id="a replacement"),
    pytest.param(
        replace(make_request(UPLOAD), content_type_given=False), InvalidRequest, id="no type"
    ),
]


@pytest.mark.parametrize(("presign_request", "error"), DENIED)
@in_virtual_time
async def test_whoever_may_not_have_an_answer_starts_no_session(
    presign_request: PresignRequest, error: type[PresignError]
) -> None:
    harness = make_harness(make_snapshot(NARROW, buckets=TWO_BUCKETS))
    assert type(await harness.refusal(presign_request)) is error
    [answer] = await harness.presign_batch([presign_request])
    assert type(answer) is error
    await asyncio.sleep(60)
    assert harness.fetches == 0


@in_virtual_time
async def test_a_caller_without_grants_or_of_another_issuer_gets_nothing() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    for caller in (
        Caller(issuer="cluster-a", subject=CALLER.subject),
        Caller(issuer=None, subject="Billing"),
    ):
        assert isinstance(await harness.refusal(make_request(), caller), Forbidden)
        with pytest.raises(Forbidden):
            await harness.presigner.presign_form(
                make_requester(caller), make_form_request(key_prefix="")
            )
    assert harness.fetches == 0


@in_virtual_time
async def test_an_unknown_bucket_and_a_forbidden_one_are_told_alike() -> None:
    harness = make_harness(make_snapshot(NARROW, buckets=TWO_BUCKETS))
    unknown = await harness.refusal(make_request(bucket="none"))
    forbidden = await harness.refusal(make_request(bucket="photos"))
    assert type(unknown) is type(forbidden)
    assert vars(unknown) == vars(forbidden)
    assert str(unknown) == str(forbidden)


@in_virtual_time
async def test_the_grant_that_stands_after_the_wait_decides() -> None:
    harness = make_harness(make_snapshot(make_grant()), delay=1)
    asked = asyncio.ensure_future(harness.presign(make_request()))
    await asyncio.sleep(0.5)
    harness.authorizer.snapshot = make_snapshot()
    with pytest.raises(Forbidden):
        await asked


@in_virtual_time
async def test_the_limits_that_stand_after_the_wait_decide() -> None:
    harness = make_harness(make_snapshot(make_grant()), delay=1)
    asked = asyncio.ensure_future(harness.presign(make_request()))
    form = asyncio.ensure_future(harness.presign_form(make_form_request(key_prefix="")))
    batch = asyncio.ensure_future(harness.presign_batch([make_request()]))
    await asyncio.sleep(0.5)
    harness.authorizer.snapshot = make_snapshot(make_grant(max_expires_in=7))
    assert validity_of((await asked).url)[1] == 7
    assert (await form).validity.expires_at - epoch_seconds((await form).fields["x-amz-date"]) == 7
    [item] = await batch
    assert validity_of(*urls_of([item]))[1] == 7
