"""Within a window equal requests get one URL, whatever happens meanwhile; and it keeps what it promises."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.callers import Identity
from service.access.grants import Operation
from service.errors import CredentialsUnavailable, Forbidden, LifetimeUnavailable, PresignError
from service.presigning.audit import Requester
from service.presigning.requests import PresignBatch, PresignRequest
from service.presigning.results import PresignedRequest, PresignedRequests
from service.sessions.lifetime import Lifetime
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions
from service.sessions.refresh_policy import EXPIRY_MARGIN
from service.signing.actions import GetObject
from tests.presigning.house import (
    House,
    a_house,
    an_ask,
    refusal,
    signer_of,
    times,
)
from tests.signing import oracle
from tests.signing.strategies import examples
from tests.support.fakes import (
    ADDRESS,
    CALLER,
    REQUESTER,
    WALL,
    a_bucket,
    a_grant,
    a_snapshot,
    in_virtual_time,
    server_time,
)

WEEK = 604_800
DAY = 86_400
UNSCOPED = {"reports": a_bucket(arns=None)}


async def signed(house: House, *, key: str = "a/b", **lifetime: int) -> PresignedRequest:
    ask = replace(an_ask(key=key), lifetime=Lifetime(**lifetime))
    return await house.presigner.presign(REQUESTER, ask)


async def url(house: House, *, key: str = "a/b", **lifetime: int) -> str:
    return (await signed(house, key=key, **lifetime)).url


def tagged() -> House:
    return a_house(a_snapshot(a_grant(), buckets={"reports": a_bucket(tag_urls=True)}))


SHAPES = st.fixed_dictionaries(
    {"stable_for": st.sampled_from([1, 60, 600, 1800, 3000, 7200, DAY])},
    optional={
        "expires_in": st.sampled_from([1, 300, 2000, WEEK - DAY]),
        "min_expires_in": st.just(1) | st.just(60),
    },
).map(lambda shape: shape | {"expires_in": max(shape.get("expires_in", 900), 60)})
PAUSES = st.floats(0, 30) | st.floats(0, 2000)


@examples(300)
@given(
    session_seconds=st.sampled_from([900, 3600, 43_200]),
    longest_lifetime=st.sampled_from([60, 900, WEEK]),
    granted=st.none() | st.sampled_from([60, 1000, 5000]),
    skew=st.floats(-100_000, 100_000),
    shapes=st.lists(SHAPES, min_size=1, max_size=3),
    steps=st.lists(
        st.tuples(
            PAUSES,
            st.integers(0, 2),
            st.sampled_from(["a/b", "a/c"]),
            st.sampled_from(["", "", "", "insists", "outage", "suspend", "others"]),
        ),
        min_size=2,
        max_size=14,
    ),
)
@in_virtual_time
async def test_a_windows_url_is_one_and_keeps_its_promise(
    *,
    session_seconds: int,
    longest_lifetime: int,
    granted: int | None,
    skew: float,
    shapes: list[dict[str, int]],
    steps: list[tuple[float, int, str, str]],
) -> None:
    snapshot = a_snapshot(a_grant(max_expires_in=granted))
    house = a_house(snapshot, longest_lifetime=longest_lifetime, session_seconds=session_seconds)
    house.clock.skew = skew
    seen: dict[tuple[int, str, int], PresignedRequest] = {}
    for pause, number, key, event in steps:
        await asyncio.sleep(pause)
        house.clock.skew += pause  # somebody sets the clock
        house.source.fault = OSError() if event == "outage" else None
        await _meanwhile(house, event)
        shape = shapes[number % len(shapes)]
        try:
            answer = await signed(house, key=key, **shape)
        except LifetimeUnavailable:
            fits = min(granted or WEEK, session_seconds - 45)
            assert shape["stable_for"] + shape.get("min_expires_in", 1) > fits
            continue
        except CredentialsUnavailable:
            assert any(event in {"outage", "suspend"} for *_, event in steps)
            continue
        _keeps_its_promise(house, answer, shape, granted)
        first = seen.setdefault((number % len(shapes), key, answer.validity.now), answer)
        assert (answer.url, answer.validity) == (first.url, first.validity)


async def _meanwhile(house: House, event: str) -> None:
    if event == "insists":  # another request, which has the session refreshed
        await asyncio.gather(
            house.presigner.presign(REQUESTER, an_ask(min_expires_in=850)), return_exceptions=True
        )
    if event == "suspend":
        house.clock.suspend(400)
    if event == "others":
        await asyncio.gather(
            *(house.presigner.presign(REQUESTER, an_ask(key=f"a/{n}")) for n in range(5)),
            return_exceptions=True,
        )


def _keeps_its_promise(
    house: House, answer: PresignedRequest, shape: dict[str, int], granted: int | None
) -> None:
    begins, lasts = times(answer.url)
    window, now = shape["stable_for"], server_time(house.clock)
    by_key = {each.credentials.access_key_id: each for each in house.source.given}
    session = by_key[signer_of(answer.url)]
    assert begins % window == 0
    assert begins - 1.2 <= now <= begins + window + 1.2  # whole seconds, and the answer's way
    assert begins + lasts == answer.validity.expires_at <= session.expires_at - EXPIRY_MARGIN
    assert lasts <= min(granted or WEEK, WEEK)
    after = lasts - window
    assert after >= shape.get("min_expires_in", 1)
    assert (answer.validity.limited_by is not None) is (after < shape["expires_in"])
    assert answer.validity.limited_by != "grant" or lasts == granted


@in_virtual_time
async def test_begin_and_end_of_a_window_are_answered_alike_and_the_next_one_is_not() -> None:
    house = a_house(a_snapshot(a_grant()), delay=0)
    begin = await signed(house, stable_for=600)
    house.clock.move(600 - house.clock.boot() - 0.1)
    end = await signed(house, stable_for=600)
    house.clock.move(0.1)
    after = await signed(house, stable_for=600)
    assert begin.url == end.url != after.url
    assert begin.validity == end.validity
    assert times(begin.url) == (WALL, 1500)
    assert times(after.url) == (WALL + 600, 1500)


@in_virtual_time
async def test_a_window_that_began_yesterday_is_signed_with_yesterdays_key() -> None:
    """The day is in the scope. A window of seven hours is under way at midnight, and at each midnight after."""
    house = a_house(a_snapshot(a_grant()), session_seconds=3 * DAY, longest_lifetime=60)
    await url(house)
    house.clock.move(DAY - house.clock.boot() - 10)
    before = await url(house, stable_for=7 * 3600)
    house.clock.move(20)
    today = await url(house)
    after = await url(house, stable_for=7 * 3600)
    assert before == after
    assert "%2F20260101%2F" in after
    assert "%2F20260102%2F" in today


@pytest.mark.parametrize("window", [60, 600, 7 * 3600])
@in_virtual_time
async def test_the_url_is_the_one_that_botocore_makes_at_the_windows_begin(window: int) -> None:
    house = a_house(a_snapshot(a_grant()), session_seconds=43_200.0)
    await asyncio.sleep(3333)
    key, action = "a/é ü.txt", GetObject(content_type="text/plain", version_id="1")
    ours = await house.presigner.presign(REQUESTER, an_ask(action, key=key, stable_for=window))
    begins, lasts = times(ours.url)
    credentials = house.source.given[-1].credentials
    theirs = oracle.sign(
        action, key, address=ADDRESS, credentials=credentials, now=begins, expires_in=lasts
    )
    assert oracle.parts(ours.url) == oracle.parts(theirs)


@in_virtual_time
async def test_a_refreshed_session_waits_for_the_next_window() -> None:
    house = a_house(a_snapshot(a_grant()))
    first = await url(house, stable_for=600)
    await asyncio.sleep(1900 - house.clock.boot())
    kept = await url(house, stable_for=600)
    await refusal(house, an_ask(min_expires_in=3000))  # so it is refreshed soon
    await asyncio.sleep(1)
    assert signer_of(await url(house)) != signer_of(kept)
    assert await url(house, stable_for=600) == kept
    assert signer_of(kept) == signer_of(first)
    await asyncio.sleep(500)
    assert signer_of(await url(house, stable_for=600)) != signer_of(kept)


@in_virtual_time
async def test_a_session_that_would_not_outlive_the_window_is_refreshed_first() -> None:
    house = a_house(a_snapshot(a_grant()), longest_lifetime=60, delay=0.5)
    await url(house)
    await asyncio.sleep(2000)
    begun = house.clock.boot()
    stable = await signed(house, stable_for=1800)
    assert house.clock.boot() - begun == pytest.approx(0.5, abs=0.1)
    assert stable.validity.limited_by is None
    assert times(stable.url)[1] == 2700
    assert signer_of(stable.url) == house.source.given[-1].credentials.access_key_id


@in_virtual_time
async def test_where_none_comes_the_session_that_stands_signs_for_less() -> None:
    house = a_house(a_snapshot(a_grant()), longest_lifetime=60)
    await url(house)
    await asyncio.sleep(1900)
    house.source.fault = OSError()
    cut = await signed(house, stable_for=900, expires_in=1700)
    assert cut.validity.limited_by == "session"
    assert cut.validity.expires_at == int(house.source.given[-1].expires_at) - EXPIRY_MARGIN
    house.source.fault = None
    await asyncio.sleep(100)
    assert house.source.given[-1].expires_at > cut.validity.expires_at + 100
    fetches = house.fetches
    for _ in range(5):
        assert await url(house, stable_for=900, expires_in=1700) == cut.url
        await asyncio.sleep(31)
    assert house.fetches == fetches


@in_virtual_time
async def test_where_that_does_not_outlive_the_window_the_caller_is_told_to_come_again() -> None:
    house = a_house(a_snapshot(a_grant()), longest_lifetime=60)
    await url(house)
    await asyncio.sleep(1900)
    house.source.fault = OSError()
    error = await refusal(house, an_ask(stable_for=1800))
    assert isinstance(error, CredentialsUnavailable)
    assert error.retry_after is not None
    house.source.fault = None
    await asyncio.sleep(error.retry_after)
    assert times(await url(house, stable_for=1800))[1] == 2700


@pytest.mark.parametrize(("granted", "window"), [(None, DAY), (600, 600), (None, 3555)])
@in_virtual_time
async def test_a_window_that_can_never_be_had_is_refused_for_good(
    granted: int | None, window: int
) -> None:
    house = a_house(a_snapshot(a_grant(max_expires_in=granted)))
    error = await refusal(house, an_ask(stable_for=window))
    assert isinstance(error, LifetimeUnavailable)
    assert list(error.pointers) == ["#/stable_for"]
    await asyncio.sleep(100)
    assert house.fetches <= 1


@in_virtual_time
async def test_who_asks_for_as_long_as_can_be_had_does_not_cost_a_session_a_window() -> None:
    house = a_house(a_snapshot(a_grant()), longest_lifetime=900)
    for _ in range(120):
        answer = await signed(house, stable_for=60, expires_in=WEEK - 60)
        assert answer.validity.limited_by == "session"
        await asyncio.sleep(60)
    assert house.fetches <= 2 * 3 + 2  # two hours; each session serves a third of its hour at least


@in_virtual_time
async def test_a_session_that_a_window_hangs_on_is_not_idle() -> None:
    """Else the caller would come back to another session, and another URL, within the window."""
    house, window = (
        a_house(a_snapshot(a_grant()), session_seconds=43_200, longest_lifetime=WEEK),
        38_000,
    )
    await asyncio.sleep(window - WALL % window)
    before = await url(house, stable_for=window, expires_in=60)
    await asyncio.sleep(window - 100)  # a session serves for a third of its time: two refreshes
    assert await url(house, stable_for=window, expires_in=60) == before
    assert len({each for each in house.source.asked if each is not None}) == 1


@in_virtual_time
async def test_once_its_windows_are_over_it_is_idle_like_any_other() -> None:
    house = a_house(a_snapshot(a_grant()), session_seconds=900, longest_lifetime=WEEK)
    await url(house, stable_for=600, expires_in=60)
    await asyncio.sleep(3000)
    assert all(key.owner is None for key in house.authorizer._pool._entries)


@in_virtual_time
async def test_a_grant_that_is_withdrawn_or_cut_counts_within_the_window() -> None:
    house = a_house(a_snapshot(a_grant(prefix="a/")))
    assert times(await url(house, stable_for=600))[1] == 1500
    house.authorizer.snapshot = a_snapshot(a_grant(prefix="a/", max_expires_in=700))
    assert times(await url(house, stable_for=600))[1] == 700
    house.authorizer.snapshot = a_snapshot(a_grant(prefix="b/"))
    with pytest.raises(Forbidden):
        await url(house, stable_for=600)


@in_virtual_time
async def test_a_bucket_that_has_moved_gets_another_url_at_once() -> None:
    house = a_house(a_snapshot(a_grant()))
    before = await url(house, stable_for=600)
    pool: SessionPool = house.authorizer._pool
    elsewhere = replace(ADDRESS, host="elsewhere.example")
    old: BucketSessions = pool._buckets["reports"]
    pool.replace({"reports": replace(old, address=elsewhere)})
    after = await url(house, stable_for=600)
    assert after.startswith("https://elsewhere.example/")
    assert signer_of(after) == signer_of(before)


@in_virtual_time
async def test_a_clock_that_is_put_right_changes_no_url_of_a_window() -> None:
    house = a_house(a_snapshot(a_grant()))
    before = await url(house, stable_for=600)
    house.clock.skew = 3600.0
    assert await url(house, stable_for=600) == before


@in_virtual_time
async def test_windows_of_other_lengths_and_seconds_do_not_disturb_each_other() -> None:
    house = a_house(a_snapshot(a_grant()))
    plain = await url(house)
    lengths = (7, 60, 600)
    first = [await url(house, stable_for=window) for window in lengths]
    assert [await url(house, stable_for=window) for window in lengths] == first
    assert await url(house) == plain


@in_virtual_time
async def test_what_is_kept_of_a_second_is_not_turned_away() -> None:
    house = a_house(a_snapshot(a_grant()))
    action = GetObject()
    house.clock.move(101)  # in the midst of each window
    await house.presigner.presign(REQUESTER, an_ask(action))
    (stamp,) = house.presigner._templates._cache.values()
    signer = stamp.signing_grant.signing.signer
    for window in (7, 60, 600):
        await url(house, stable_for=window)
    validity = stamp.validity
    again = signer.context(action, now=validity.now, expires_in=validity.expires_in)
    assert again is stamp.context
    assert list(house.presigner._templates._cache.values()) == [stamp]


@in_virtual_time
async def test_keys_of_another_grant_have_a_session_that_lasts_for_what_it_gives() -> None:
    grants = [a_grant(prefix="a/", max_expires_in=700), a_grant(prefix="b/")]
    house = a_house(a_snapshot(*grants), longest_lifetime=60)
    await url(house, key="a/b")
    await asyncio.sleep(2405)
    short = await signed(house, key="a/b", stable_for=600)
    long = await signed(house, key="b/b", stable_for=600)
    assert (short.validity.expires_in, long.validity.expires_in) == (700, 1500)
    assert signer_of(short.url) != signer_of(long.url)
    assert (short.validity.limited_by, long.validity.limited_by) == (None, None)


@in_virtual_time
async def test_each_item_of_a_batch_has_its_own_window_and_is_answered_as_alone() -> None:
    house = a_house(a_snapshot(a_grant()))
    keys = ["a/1", "a/2", "a/../x", "a/3"]
    shapes: Sequence[dict[str, Any]] = [{"stable_for": 60}, {}, {"stable_for": 600}]
    asks = [PresignBatch(an_ask(key=keys[0], **shape), keys) for shape in shapes]
    await house.sign_batch(asks)
    house.clock.move(30)
    told = await house.sign_batch(asks)
    alone = await house.sign_batch([an_ask(key=key, **shape) for shape in shapes for key in keys])
    assert _urls(told) == _urls(alone)
    assert len(set(_urls(told))) == 10


@in_virtual_time
async def test_a_batch_waits_for_the_session_that_its_window_needs() -> None:
    house = a_house(a_snapshot(a_grant()), longest_lifetime=60)
    await url(house)
    await asyncio.sleep(2000)
    (answer,) = await house.sign_batch([an_ask(stable_for=3000)])
    assert isinstance(answer, PresignedRequests)
    assert signer_of(*answer.urls) == house.source.given[-1].credentials.access_key_id


@in_virtual_time
async def test_a_tagged_url_names_caller_and_window_and_the_trail_names_it() -> None:
    house = tagged()
    one = await url(house, stable_for=600)
    house.clock.move(100)
    other = replace(REQUESTER, request_id="request-2")
    assert (await house.presigner.presign(other, an_ask(stable_for=600))).url == one
    (tag,) = parse_qs(urlsplit(one).query)["x-presign-id"]
    assert tag not in {"request-1", "request-2"}
    lines = [json.loads(line) for line in house.audit_trail]
    assert [line["request_id"] for line in lines] == ["request-1", "request-2"]
    assert {line["url_id"] for line in lines} == {tag}


@in_virtual_time
async def test_tags_of_other_windows_callers_and_plain_urls_differ() -> None:
    house = tagged()
    stranger = replace(CALLER, subject="sales")
    entries = (*house.authorizer.snapshot.callers, *_entries_of(stranger))
    house.authorizer.snapshot = replace(house.authorizer.snapshot, callers=entries)
    theirs = Requester(Identity(stranger), "request-1")
    urls = [
        await url(house),
        await url(house, stable_for=600),
        await url(house, stable_for=60),
        (await house.presigner.presign(theirs, an_ask(stable_for=600))).url,
    ]
    house.clock.move(600)
    urls.append(await url(house, stable_for=600))
    assert len({parse_qs(urlsplit(each).query)["x-presign-id"][0] for each in urls}) == 5


@in_virtual_time
async def test_the_trail_tells_when_a_url_of_a_window_begins_and_ends() -> None:
    house = a_house(a_snapshot(a_grant(), buckets=UNSCOPED))
    house.clock.move(700)
    answer = await signed(house, stable_for=600)
    plain = await signed(house)
    told, other = (json.loads(line) for line in house.audit_trail)
    assert told["signed_at"] == "2026-01-01T00:10:00Z"
    assert told["expires_in"] == answer.validity.expires_in == 1500
    assert "signed_at" not in other
    assert other["expires_in"] == plain.validity.expires_in


@in_virtual_time
async def test_two_replicas_with_the_same_keys_give_the_same_url() -> None:
    """Of keys that belong to no session: here the fake's first session is the same for both."""
    urls = []
    for pause in (0.0, 77.0):
        house = a_house(a_snapshot(a_grant(), buckets=UNSCOPED))
        house.clock.move(pause - min(pause, house.clock.boot()))
        urls.append(await url(house, stable_for=600))
    assert urls[0] == urls[1]


@in_virtual_time
async def test_only_what_may_be_downloaded_is_signed_for_a_window() -> None:
    house = a_house(a_snapshot(a_grant(allow=frozenset({Operation.HEAD}))))
    assert isinstance(await refusal(house, an_ask(stable_for=600)), Forbidden)
    assert house.fetches == 0


def _entries_of(caller: Any) -> tuple[Any, ...]:
    snapshot = a_snapshot(a_grant())
    return tuple(replace(entry, subject=caller.subject) for entry in snapshot.callers)


def _urls(answers: Sequence[PresignedRequests | PresignError]) -> list[str]:
    """And the codes of refusals, in their places."""
    return [
        each
        for answer in answers
        for each in ([answer.code] if isinstance(answer, PresignError) else answer.urls)
    ]


def test_a_lifetime_is_known_by_its_value() -> None:
    """The session of a window is kept by it."""
    one, other = (Lifetime(expires_in=60, stable_for=600) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert PresignRequest(bucket="b", key="k", action=GetObject(), lifetime=one).lifetime is one


@in_virtual_time
async def test_sessions_that_were_revoked_sign_in_no_window_any_more() -> None:
    house = a_house(a_snapshot(a_grant()))
    before = await url(house, stable_for=600)
    await asyncio.sleep(10)
    (entry,) = house.authorizer.snapshot.callers
    revoked = replace(entry, revoked_before=server_time(house.clock))
    house.authorizer.snapshot = replace(house.authorizer.snapshot, callers=(revoked,))
    after = await url(house, stable_for=600)
    assert times(after) == times(before)
    assert signer_of(after) != signer_of(before)
