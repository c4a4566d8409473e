"""Which session signs the URLs of a window, and how long it is kept for them."""

import asyncio
from dataclasses import replace

import pytest

from service.errors import CredentialsUnavailable, LifetimeUnavailable
from service.presigning.results import PresignedRequests
from service.sessions.refresh_policy import EXPIRY_MARGIN
from tests.presigning.stable_urls import DAY, WEEK, signed, url
from tests.support.authorizer import make_harness
from tests.support.factories import make_grant, make_request, make_snapshot
from tests.support.signed_urls import access_key_id_of, validity_of
from tests.support.virtual_time import CLOCK_START, in_virtual_time, server_time


@in_virtual_time
async def test_a_refreshed_session_waits_for_the_next_window() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    first = await url(harness, stable_for=600)
    await asyncio.sleep(1900 - harness.clock.boot())
    kept = await url(harness, stable_for=600)
    await harness.refusal(make_request(min_expires_in=3000))  # so it is refreshed soon
    await asyncio.sleep(1)
    assert access_key_id_of(await url(harness)) != access_key_id_of(kept)
    assert await url(harness, stable_for=600) == kept
    assert access_key_id_of(kept) == access_key_id_of(first)
    await asyncio.sleep(500)
    assert access_key_id_of(await url(harness, stable_for=600)) != access_key_id_of(kept)


@in_virtual_time
async def test_a_session_that_ends_in_the_window_is_refreshed_first() -> None:
    harness = make_harness(make_snapshot(make_grant()), longest_lifetime=60, delay=0.5)
    await url(harness)
    await asyncio.sleep(2000)
    begun = harness.clock.boot()
    stable = await signed(harness, stable_for=1800)
    assert harness.clock.boot() - begun == pytest.approx(0.5, abs=0.1)
    assert stable.validity.limited_by is None
    assert validity_of(stable.url)[1] == 2700
    assert access_key_id_of(stable.url) == harness.source.sessions[-1].credentials.access_key_id


@in_virtual_time
async def test_without_a_new_session_the_current_one_signs_for_less() -> None:
    harness = make_harness(make_snapshot(make_grant()), longest_lifetime=60)
    await url(harness)
    await asyncio.sleep(1900)
    harness.source.error = OSError()
    cut = await signed(harness, stable_for=900, expires_in=1700)
    assert cut.validity.limited_by == "session"
    assert cut.validity.expires_at == int(harness.source.sessions[-1].expires_at) - EXPIRY_MARGIN
    harness.source.error = None
    await asyncio.sleep(100)
    assert harness.source.sessions[-1].expires_at > cut.validity.expires_at + 100
    fetches = harness.fetches
    for _ in range(5):
        assert await url(harness, stable_for=900, expires_in=1700) == cut.url
        await asyncio.sleep(31)
    assert harness.fetches == fetches


@in_virtual_time
async def test_a_window_beyond_a_young_session_gives_retry_after() -> None:
    harness = make_harness(make_snapshot(make_grant()), longest_lifetime=60)
    await url(harness)
    await asyncio.sleep(1900)
    harness.source.error = OSError()
    error = await harness.refusal(make_request(stable_for=1800))
    assert isinstance(error, CredentialsUnavailable)
    assert error.retry_after is not None
    harness.source.error = None
    await asyncio.sleep(error.retry_after)
    assert validity_of(await url(harness, stable_for=1800))[1] == 2700


@pytest.mark.parametrize(("granted", "window"), [(None, DAY), (600, 600), (None, 3555)])
@in_virtual_time
async def test_a_window_longer_than_any_session_is_refused_for_good(
    granted: int | None, window: int
) -> None:
    harness = make_harness(make_snapshot(make_grant(max_expires_in=granted)))
    error = await harness.refusal(make_request(stable_for=window))
    assert isinstance(error, LifetimeUnavailable)
    assert list(error.pointers) == ["#/stable_for"]
    await asyncio.sleep(100)
    assert harness.fetches <= 1


@in_virtual_time
async def test_requests_for_the_longest_lifetime_do_not_refresh_each_window() -> None:
    harness = make_harness(make_snapshot(make_grant()), longest_lifetime=900)
    for _ in range(120):
        answer = await signed(harness, stable_for=60, expires_in=WEEK - 60)
        assert answer.validity.limited_by == "session"
        await asyncio.sleep(60)
    # In two hours: each session serves for a third of its hour at least.
    assert harness.fetches <= 2 * 3 + 2


@in_virtual_time
async def test_a_session_that_a_window_needs_is_not_idle() -> None:
    """Else the caller would come back to another session, and another URL, within the window."""
    snapshot, window = make_snapshot(make_grant()), 38_000
    harness = make_harness(snapshot, session_seconds=43_200, longest_lifetime=WEEK)
    await asyncio.sleep(window - CLOCK_START % window)
    before = await url(harness, stable_for=window, expires_in=60)
    await asyncio.sleep(window - 100)  # a session serves for a third of its time: two refreshes
    assert await url(harness, stable_for=window, expires_in=60) == before
    assert len({each for each in harness.source.fetched if each is not None}) == 1


@in_virtual_time
async def test_a_session_is_idle_after_its_last_window() -> None:
    harness = make_harness(make_snapshot(make_grant()), session_seconds=900, longest_lifetime=WEEK)
    await url(harness, stable_for=600, expires_in=60)
    await asyncio.sleep(3000)
    assert all(key.owner is None for key in harness.authorizer._pool._entries)


@in_virtual_time
async def test_a_session_lasts_for_the_longest_of_several_grants() -> None:
    grants = [make_grant(prefix="a/", max_expires_in=700), make_grant(prefix="b/")]
    harness = make_harness(make_snapshot(*grants), longest_lifetime=60)
    await url(harness, key="a/b")
    await asyncio.sleep(2405)
    short = await signed(harness, key="a/b", stable_for=600)
    long = await signed(harness, key="b/b", stable_for=600)
    assert (short.validity.expires_in, long.validity.expires_in) == (700, 1500)
    assert access_key_id_of(short.url) != access_key_id_of(long.url)
    assert (short.validity.limited_by, long.validity.limited_by) == (None, None)


@in_virtual_time
async def test_a_batch_waits_for_the_session_that_its_window_needs() -> None:
    harness = make_harness(make_snapshot(make_grant()), longest_lifetime=60)
    await url(harness)
    await asyncio.sleep(2000)
    (answer,) = await harness.presign_batch([make_request(stable_for=3000)])
    assert isinstance(answer, PresignedRequests)
    assert access_key_id_of(*answer.urls) == harness.source.sessions[-1].credentials.access_key_id


@in_virtual_time
async def test_a_revoked_session_no_longer_signs_in_its_window() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    before = await url(harness, stable_for=600)
    await asyncio.sleep(10)
    (entry,) = harness.authorizer.snapshot.callers
    revoked = replace(entry, revoked_before=server_time(harness.clock))
    harness.authorizer.snapshot = replace(harness.authorizer.snapshot, callers=(revoked,))
    after = await url(harness, stable_for=600)
    assert validity_of(after) == validity_of(before)
    assert access_key_id_of(after) != access_key_id_of(before)
