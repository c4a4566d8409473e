"""Whose session signs, and what happens without one."""

import asyncio
from dataclasses import replace

import pytest

from service.access.grants import Caller
from service.errors import CredentialsUnavailable
from tests.presigning.house import (
    BOTH,
    a_form_ask,
    a_house,
    an_ask,
    refusal,
    requester,
    signer_of,
)
from tests.support.fakes import (
    CALLER,
    REQUESTER,
    a_grant,
    a_snapshot,
    entry_of,
    in_virtual_time,
)


@in_virtual_time
async def test_each_caller_has_a_session_of_its_own() -> None:
    other = Caller(issuer="cluster-a", subject=CALLER.subject)
    snapshot = a_snapshot(a_grant())
    house = a_house(replace(snapshot, callers=(*snapshot.callers, entry_of(other, a_grant()))))
    urls = [
        (await house.presigner.presign(requester(caller), an_ask())).url
        for caller in (CALLER, other)
    ]
    assert house.source.asked == [(None, "billing"), ("cluster-a", "billing")]
    assert signer_of(urls[0]) != signer_of(urls[1])


@in_virtual_time
async def test_a_cold_caller_is_told_when_no_session_can_be_had() -> None:
    house = a_house(a_snapshot(a_grant()))
    house.source.fault = OSError("no route")
    error = await refusal(house, an_ask())
    assert isinstance(error, CredentialsUnavailable)
    assert error.retry_after == 1
    with pytest.raises(CredentialsUnavailable):
        await house.presigner.presign_form(REQUESTER, a_form_ask(key_prefix=""))


@in_virtual_time
async def test_the_service_can_sign_once_one_bucket_has_its_own_session() -> None:
    house = a_house(a_snapshot(a_grant(), buckets=BOTH))
    house.source.fault = OSError("no route")
    house.authorizer._pool.start()
    assert not house.authorizer.can_sign()
    await asyncio.sleep(1)
    assert house.authorizer.can_sign()
