"""Refusals, before and after a wait for a session."""

import asyncio
from dataclasses import replace
from typing import Any, Final

import pytest

from service.access.grants import Caller, Operation
from service.errors import (
    CreateOnlyUnsupported,
    Forbidden,
    InvalidRequest,
    LimitExceeded,
    PresignError,
)
from service.presigning.requests import PresignRequest
from service.signing.actions import DeleteObject, GetObject, ListObjects
from service.signing.post_policy import PostObject
from tests.support.authorizer import make_harness, urls_of
from tests.support.factories import (
    CALLER,
    NARROW,
    TWO_BUCKETS,
    UPLOAD,
    make_bucket,
    make_form_request,
    make_grant,
    make_request,
    make_requester,
    make_snapshot,
)
from tests.support.signed_urls import epoch_seconds, validity_of
from tests.support.virtual_time import in_virtual_time

LARGE: Final = PostObject(max_content_length=101)
NO_TYPE: Final = replace(make_request(UPLOAD), content_type_given=False)
BUCKETS: Final = {**TWO_BUCKETS, "old": make_bucket(conditional_writes=False)}
DENIED = [
    pytest.param(make_request(key="x/b"), Forbidden, id="another key"),
    pytest.param(make_request(DeleteObject()), Forbidden, id="another operation"),
    pytest.param(make_request(ListObjects(prefix=""), key=""), Forbidden, id="a whole list"),
    pytest.param(make_request(bucket="photos"), Forbidden, id="another's bucket"),
    pytest.param(make_request(bucket="none"), Forbidden, id="no bucket"),
    pytest.param(make_request(key="a/../b"), InvalidRequest, id="a dot segment"),
    pytest.param(make_request(key=""), InvalidRequest, id="no key"),
    pytest.param(make_request(key="a/\n"), InvalidRequest, id="a control character"),
    pytest.param(make_request(UPLOAD, bucket="old"), CreateOnlyUnsupported, id="no conditions"),
    pytest.param(make_request(GetObject(version_id="1")), LimitExceeded, id="a version"),
    pytest.param(make_request(replace(UPLOAD, content_length=101)), LimitExceeded, id="too large"),
    pytest.param(make_request(replace(UPLOAD, overwrite=True)), LimitExceeded, id="an overwrite"),
    pytest.param(make_request(replace(UPLOAD, if_match='"e"')), LimitExceeded, id="a replacement"),
    pytest.param(NO_TYPE, InvalidRequest, id="no type"),
]


@pytest.mark.parametrize(("presign_request", "error"), DENIED)
@in_virtual_time
async def test_a_refused_request_is_audited_and_starts_no_session(
    presign_request: PresignRequest, error: type[PresignError]
) -> None:
    harness = make_harness(make_snapshot(NARROW, make_grant(bucket="old"), buckets=BUCKETS))
    assert type(await harness.refusal(presign_request)) is error
    [answer] = await harness.presign_batch([presign_request])
    assert type(answer) is error
    await asyncio.sleep(60)
    assert harness.fetches == 0
    assert harness.decisions == [("denied", error.code, [presign_request.key])] * 2


FORMS: Final = [
    ({"key": "a/b"}, CreateOnlyUnsupported, "a/b"),
    ({"key": "a/b", "overwrite": True}, LimitExceeded, "a/b"),
    ({"key_prefix": "x/"}, Forbidden, "x/id1/${filename}"),
    ({"key_prefix": "x/", "filename": "n"}, Forbidden, "x/id1/n"),
    ({"key_prefix": "ab"}, Forbidden, "abid1/${filename}"),
    ({"key_prefix": "a/../"}, InvalidRequest, "a/../"),
    ({"key_prefix": "a/", "filename": "a/b"}, InvalidRequest, "a/"),
    ({"bucket": "none", "key_prefix": "a/"}, Forbidden, "a/id1/${filename}"),
    ({"key_prefix": "a/", "form": LARGE}, LimitExceeded, "a/id1/${filename}"),
    ({"key_prefix": "a/"}, InvalidRequest, "a/id1/${filename}"),  # without a type
    ({"bucket": "photos", "key_prefix": "one"}, Forbidden, "oneid1/${filename}"),
]


@pytest.mark.parametrize(("changes", "error", "key"), FORMS, ids=lambda each: str(each)[:60])
@in_virtual_time
async def test_a_refused_form_is_audited_and_starts_no_session(
    changes: dict[str, Any], error: type[PresignError], key: str
) -> None:
    forms = replace(NARROW, allow=frozenset({Operation.FORM}))
    one_key = make_grant(bucket="photos", prefix="one")
    harness = make_harness(make_snapshot(forms, one_key, buckets=TWO_BUCKETS))
    with pytest.raises(PresignError) as refused:
        await harness.presign_form(make_form_request(**changes))
    assert type(refused.value) is error
    await asyncio.sleep(60)
    assert harness.fetches == 0
    assert harness.decisions == [("denied", error.code, [key])]


@in_virtual_time
async def test_a_caller_without_grants_or_of_another_issuer_gets_nothing() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    for issuer, subject in (("cluster-a", CALLER.subject), (None, "Billing")):
        caller = Caller(issuer=issuer, subject=subject)
        assert isinstance(await harness.refusal(make_request(), caller), Forbidden)
        with pytest.raises(Forbidden):
            await harness.presign_form(make_form_request(key_prefix=""), make_requester(caller))
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
