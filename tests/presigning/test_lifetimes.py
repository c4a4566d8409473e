"""Whose session signs, and the one promise: no URL outlives its session."""

import asyncio
import calendar
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Caller
from service.errors import CredentialsUnavailable, LifetimeUnavailable
from service.presigning.presigner import Presigner
from service.sessions.lifetime import Lifetime
from service.sessions.refresh_policy import EXPIRY_MARGIN
from service.sessions.static_keys import StaticSource
from service.signing.sigv4 import Credentials
from tests.support.authorizer import make_authorizer, make_harness
from tests.support.factories import (
    CALLER,
    REQUESTER,
    SECRET,
    TWO_BUCKETS,
    make_caller_entry,
    make_form_request,
    make_grant,
    make_request,
    make_requester,
    make_snapshot,
)
from tests.support.signed_urls import access_key_id_of, policy_of, validity_of
from tests.support.virtual_time import CLOCK_START, in_virtual_time, loop_clock, server_time


@given(
    session_seconds=st.sampled_from([60, 900, 3600, 43_200]),
    skew=st.floats(-100_000, 100_000),
    requests=st.lists(
        st.tuples(st.floats(0, 5000), st.none() | st.integers(1, 604_800)), min_size=1, max_size=8
    ),
    granted=st.none() | st.integers(1, 604_800),
    longest_lifetime=st.integers(1, 604_800),
)
@in_virtual_time
async def test_no_url_outlives_its_session_or_misstates_its_end(
    *,
    session_seconds: float,
    skew: float,
    requests: list[tuple[float, int | None]],
    granted: int | None,
    longest_lifetime: int,
) -> None:
    harness = make_harness(
        make_snapshot(make_grant(max_expires_in=granted)),
        longest_lifetime=longest_lifetime,
        session_seconds=session_seconds,
    )
    harness.clock.skew = skew
    for pause, expires_in in requests:
        await asyncio.sleep(pause)
        harness.clock.skew += pause  # somebody sets the clock
        request = make_request() if expires_in is None else make_request(expires_in=expires_in)
        signed = await harness.presign(request)
        begins, lasts = validity_of(signed.url)
        by_key = {each.credentials.access_key_id: each for each in harness.source.sessions}
        session = by_key[access_key_id_of(signed.url)]
        assert begins + lasts == signed.validity.expires_at <= session.expires_at - EXPIRY_MARGIN
        # In whole seconds, after the time that the answer took.
        assert abs(begins - server_time(harness.clock)) <= 1.2
        most = min(expires_in or 900, granted or 900 if expires_in is None else 604_800)
        assert 1 <= lasts <= most
        is_limited = lasts < (expires_in or min(900, granted or 900))
        assert (signed.validity.limited_by is not None) is is_limited


@in_virtual_time
async def test_no_form_outlives_its_session() -> None:
    harness = make_harness(make_snapshot(make_grant()), longest_lifetime=1)
    request = make_form_request(key_prefix="", lifetime=Lifetime(expires_in=604_800))
    await harness.presign_form(request)
    await asyncio.sleep(3000)
    form = await harness.presign_form(request)
    ends = calendar.timegm(time.strptime(policy_of(form)["expiration"], "%Y-%m-%dT%H:%M:%SZ"))
    last = int(harness.source.sessions[0].expires_at) - EXPIRY_MARGIN
    assert ends == form.validity.expires_at == last
    assert form.validity.limited_by == "session"


@in_virtual_time
async def test_a_suspend_shortens_what_is_given() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    await harness.presign(make_request())
    harness.clock.suspend(3500)
    signed = await harness.presign(make_request())
    assert signed.validity.expires_at <= harness.source.sessions[0].expires_at - EXPIRY_MARGIN
    assert signed.validity.limited_by == "session"


@in_virtual_time
async def test_an_unavailable_minimum_lifetime_causes_an_early_refresh() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    await harness.presign(make_request())
    await asyncio.sleep(1000)
    error = await harness.refusal(make_request(min_expires_in=3000))
    assert isinstance(error, CredentialsUnavailable)
    assert error.retry_after == 1
    await asyncio.sleep(error.retry_after)
    signed = await harness.presign(make_request(min_expires_in=3000))
    assert validity_of(signed.url)[1] == 3000


@in_virtual_time
async def test_a_young_session_is_not_refreshed_early() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    await harness.presign(make_request())
    await asyncio.sleep(12)
    error = await harness.refusal(make_request(min_expires_in=3585))
    assert isinstance(error, CredentialsUnavailable)
    assert error.retry_after in {17, 18}
    assert harness.fetches == 1


@pytest.mark.parametrize("granted", [None, 60])
@in_virtual_time
async def test_an_impossible_minimum_lifetime_is_refused_for_good(granted: int | None) -> None:
    harness = make_harness(make_snapshot(make_grant(max_expires_in=granted)))
    error = await harness.refusal(make_request(min_expires_in=3596))
    assert isinstance(error, LifetimeUnavailable)
    assert list(error.pointers) == ["#/min_expires_in"]
    assert harness.decisions == [("denied", "lifetime_unavailable", ["a/b"])]
    await asyncio.sleep(100)
    assert harness.fetches <= 1


@in_virtual_time
async def test_static_keys_sign_for_the_requested_lifetime() -> None:
    sources = {"reports": StaticSource(_keys, loop_clock())}
    authorizer = make_authorizer(make_snapshot(make_grant()), sources)
    presigner = Presigner(authorizer, unique_id=lambda: "id")
    signed = await presigner.presign(REQUESTER, make_request(expires_in=604_800))
    assert validity_of(signed.url) == (int(CLOCK_START), 604_800)
    assert "X-Amz-Security-Token" not in signed.url


async def _keys() -> Credentials:
    return Credentials(access_key_id="AKIAEXAMPLE", secret_access_key=SECRET)


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
