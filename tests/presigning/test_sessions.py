"""Whose session signs, and what happens without one."""

import asyncio
from dataclasses import replace

import pytest

from service.access.grants import Caller
from service.errors import CredentialsUnavailable
from tests.support.authorizer import make_harness
from tests.support.factories import (
    CALLER,
    TWO_BUCKETS,
    make_caller_entry,
    make_form_request,
    make_grant,
    make_request,
    make_requester,
    make_snapshot,
)
from tests.support.signed_urls import access_key_id_of
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_each_caller_has_a_session_of_its_own() -> None:
    other = Caller(issuer="cluster-a", subject=CALLER.subject)
    snapshot = make_snapshot(make_grant())
    harness = make_harness(
        replace(snapshot, callers=(*snapshot.callers, make_caller_entry(other, make_grant())))
    )
    urls = [
        (await harness.presigner.presign(make_requester(caller), make_request())).url
        for caller in (CALLER, other)
    ]
    assert harness.source.fetched == [(None, "billing"), ("cluster-a", "billing")]
    assert access_key_id_of(urls[0]) != access_key_id_of(urls[1])


@in_virtual_time
async def test_a_first_request_fails_if_there_is_no_session() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    harness.source.error = OSError("no route")
    error = await harness.refusal(make_request())
    assert isinstance(error, CredentialsUnavailable)
    assert error.retry_after == 1
    with pytest.raises(CredentialsUnavailable):
        await harness.presign_form(make_form_request(key_prefix=""))


@in_virtual_time
async def test_the_service_can_sign_once_one_bucket_has_a_session() -> None:
    harness = make_harness(make_snapshot(make_grant(), buckets=TWO_BUCKETS))
    harness.source.error = OSError("no route")
    harness.authorizer._pool.start()
    assert not harness.authorizer.can_sign()
    await asyncio.sleep(1)
    assert harness.authorizer.can_sign()
