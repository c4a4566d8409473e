"""Within a window, equal requests get one URL, which is valid for as long as it says."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import CredentialsUnavailable, Forbidden, LifetimeUnavailable, PresignError
from service.presigning.requests import PresignBatch, PresignRequest
from service.presigning.results import PresignedRequest, PresignedRequests
from service.presigning.signing_terms import SigningTerms
from service.sessions.refresh_policy import EXPIRY_MARGIN
from service.signing.actions import GetObject
from tests.presigning.stable_urls import DAY, WEEK, signed, url
from tests.signing import oracle
from tests.support.authorizer import Harness, make_harness
from tests.support.examples import examples
from tests.support.factories import (
    ADDRESS,
    CALLER,
    REQUESTER,
    make_bucket,
    make_caller_entry,
    make_grant,
    make_request,
    make_requester,
    make_snapshot,
)
from tests.support.signed_urls import access_key_id_of, validity_of
from tests.support.virtual_time import CLOCK_START, in_virtual_time, server_time

UNSCOPED = {"reports": make_bucket(arns=None)}


def make_tagged_harness() -> Harness:
    buckets = {"reports": make_bucket(tag_urls=True)}
    return make_harness(make_snapshot(make_grant(), buckets=buckets))


def tag_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["x-presign-id"][0]


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
    harness = make_harness(
        make_snapshot(make_grant(max_expires_in=granted)),
        longest_lifetime=longest_lifetime,
        session_seconds=session_seconds,
    )
    harness.clock.skew = skew
    seen: dict[tuple[int, str, int], PresignedRequest] = {}
    for pause, number, key, event in steps:
        await asyncio.sleep(pause)
        harness.clock.skew += pause  # somebody sets the clock
        harness.source.error = OSError() if event == "outage" else None
        await _meanwhile(harness, event)
        shape = shapes[number % len(shapes)]
        try:
            answer = await signed(harness, key=key, **shape)
        except LifetimeUnavailable:
            fits = min(granted or WEEK, session_seconds - 45)
            assert shape["stable_for"] + shape.get("min_expires_in", 1) > fits
            continue
        except CredentialsUnavailable:
            assert any(event in {"outage", "suspend"} for *_, event in steps)
            continue
        _keeps_its_promise(harness, answer, shape, granted)
        first = seen.setdefault((number % len(shapes), key, answer.validity.now), answer)
        assert (answer.url, answer.validity) == (first.url, first.validity)


async def _meanwhile(harness: Harness, event: str) -> None:
    others: list[PresignRequest] = []
    if event == "insists":  # another request, which has the session refreshed
        others = [make_request(min_expires_in=850)]
    if event == "suspend":
        harness.clock.suspend(400)
    if event == "others":
        others = [make_request(key=f"a/{n}") for n in range(5)]
    await asyncio.gather(*map(harness.presign, others), return_exceptions=True)


def _keeps_its_promise(
    harness: Harness, answer: PresignedRequest, shape: dict[str, int], granted: int | None
) -> None:
    begins, lasts = validity_of(answer.url)
    window, now = shape["stable_for"], server_time(harness.clock)
    by_key = {each.credentials.access_key_id: each for each in harness.source.sessions}
    session = by_key[access_key_id_of(answer.url)]
    assert begins % window == 0
    assert begins - 1.2 <= now <= begins + window + 1.2  # whole seconds, and the answer's way
    assert begins + lasts == answer.validity.expires_at <= session.expires_at - EXPIRY_MARGIN
    assert lasts <= min(granted or WEEK, WEEK)
    after = lasts - window
    assert after >= shape.get("min_expires_in", 1)
    assert (answer.validity.limited_by is not None) is (after < shape["expires_in"])
    assert answer.validity.limited_by != "grant" or lasts == granted


@in_virtual_time
async def test_a_window_gives_one_url_and_the_next_window_another() -> None:
    harness = make_harness(make_snapshot(make_grant()), delay=0)
    begin = await signed(harness, stable_for=600)
    harness.clock.move(600 - harness.clock.boot() - 0.1)
    end = await signed(harness, stable_for=600)
    harness.clock.move(0.1)
    after = await signed(harness, stable_for=600)
    assert begin.url == end.url != after.url
    assert begin.validity == end.validity
    assert validity_of(begin.url) == (CLOCK_START, 1500)
    assert validity_of(after.url) == (CLOCK_START + 600, 1500)


@in_virtual_time
async def test_a_window_that_began_yesterday_is_signed_with_yesterdays_key() -> None:
    """The day is in the scope. At each midnight, a window of seven hours has not ended."""
    snapshot = make_snapshot(make_grant())
    harness = make_harness(snapshot, session_seconds=3 * DAY, longest_lifetime=60)
    await url(harness)
    harness.clock.move(DAY - harness.clock.boot() - 10)
    before = await url(harness, stable_for=7 * 3600)
    harness.clock.move(20)
    today = await url(harness)
    after = await url(harness, stable_for=7 * 3600)
    assert before == after
    assert "%2F20260101%2F" in after
    assert "%2F20260102%2F" in today


@pytest.mark.parametrize("window", [60, 600, 7 * 3600])
@in_virtual_time
async def test_the_url_equals_botocores_at_the_start_of_the_window(window: int) -> None:
    harness = make_harness(make_snapshot(make_grant()), session_seconds=43_200.0)
    await asyncio.sleep(3333)
    key, action = "a/é ü.txt", GetObject(content_type="text/plain", version_id="1")
    ours = await harness.presign(make_request(action, key=key, stable_for=window))
    begins, lasts = validity_of(ours.url)
    credentials = harness.source.sessions[-1].credentials
    theirs = oracle.sign(
        action, key, address=ADDRESS, credentials=credentials, now=begins, expires_in=lasts
    )
    assert oracle.parts(ours.url) == oracle.parts(theirs)


@in_virtual_time
async def test_a_revoked_or_narrowed_grant_applies_within_the_window() -> None:
    harness = make_harness(make_snapshot(make_grant(prefix="a/")))
    assert validity_of(await url(harness, stable_for=600))[1] == 1500
    harness.authorizer.snapshot = make_snapshot(make_grant(prefix="a/", max_expires_in=700))
    assert validity_of(await url(harness, stable_for=600))[1] == 700
    harness.authorizer.snapshot = make_snapshot(make_grant(prefix="b/"))
    with pytest.raises(Forbidden):
        await url(harness, stable_for=600)


@in_virtual_time
async def test_a_bucket_that_has_moved_gets_another_url_at_once() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    before = await url(harness, stable_for=600)
    pool = harness.authorizer._pool
    elsewhere = replace(ADDRESS, host="elsewhere.example")
    pool.replace({"reports": replace(pool._buckets["reports"], address=elsewhere)})
    after = await url(harness, stable_for=600)
    assert after.startswith("https://elsewhere.example/")
    assert access_key_id_of(after) == access_key_id_of(before)


@in_virtual_time
async def test_windows_do_not_displace_the_template_of_a_second() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    action = GetObject()
    harness.clock.move(101)  # in the midst of each window
    await harness.presign(make_request(action))
    (stamp,) = harness.presigner._templates._cache.values()
    assert isinstance(stamp.terms, SigningTerms)
    signer = stamp.terms.signing.signer
    for window in (7, 60, 600):
        await url(harness, stable_for=window)
    validity = stamp.terms.validity
    again = signer.context(action, now=validity.now, expires_in=validity.expires_in)
    assert again is stamp.context
    assert list(harness.presigner._templates._cache.values()) == [stamp]


@in_virtual_time
async def test_a_batch_gives_the_same_stable_urls_as_single_requests() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    keys = ["a/1", "a/2", "a/../x", "a/3"]
    shapes: Sequence[dict[str, Any]] = [{"stable_for": 60}, {}, {"stable_for": 600}]
    requests = [PresignBatch(make_request(key=keys[0], **shape), keys) for shape in shapes]
    await harness.presign_batch(requests)
    harness.clock.move(30)
    together = await harness.presign_batch(requests)
    single = [make_request(key=key, **shape) for shape in shapes for key in keys]
    assert _urls(together) == _urls(await harness.presign_batch(single))
    assert len(set(_urls(together))) == 10


@in_virtual_time
async def test_the_audit_line_has_the_tag_of_a_stable_url() -> None:
    harness = make_tagged_harness()
    one = await url(harness, stable_for=600)
    harness.clock.move(100)
    other = replace(REQUESTER, request_id="request-2")
    assert (await harness.presign(make_request(stable_for=600), other)).url == one
    assert tag_of(one) not in {"request-1", "request-2"}
    lines = harness.audit_lines
    assert [line["request_id"] for line in lines] == ["request-1", "request-2"]
    assert {line["url_id"] for line in lines} == {tag_of(one)}


@in_virtual_time
async def test_tags_of_other_windows_callers_and_plain_urls_differ() -> None:
    harness = make_tagged_harness()
    sales = replace(CALLER, subject="sales")
    snapshot = harness.authorizer.snapshot
    entries = *snapshot.callers, make_caller_entry(sales, make_grant())
    harness.authorizer.snapshot = replace(snapshot, callers=entries)
    theirs = await harness.presign(make_request(stable_for=600), make_requester(sales))
    urls = [theirs.url, await url(harness), await url(harness, stable_for=60)]
    urls.append(await url(harness, stable_for=600))
    harness.clock.move(600)
    urls.append(await url(harness, stable_for=600))
    assert len(set(map(tag_of, urls))) == 5


@in_virtual_time
async def test_the_audit_line_has_a_stable_urls_start_and_lifetime() -> None:
    harness = make_harness(make_snapshot(make_grant(), buckets=UNSCOPED))
    harness.clock.move(700)
    answer = await signed(harness, stable_for=600)
    plain = await signed(harness)
    line, other = harness.audit_lines
    assert line["signed_at"] == "2026-01-01T00:10:00Z"
    assert line["expires_in"] == answer.validity.expires_in == 1500
    assert "signed_at" not in other
    assert other["expires_in"] == plain.validity.expires_in


@in_virtual_time
async def test_two_replicas_with_the_same_keys_give_the_same_url() -> None:
    """Of keys that belong to no session: here the fake's first session is the same for both."""
    urls = []
    for pause in (0.0, 77.0):
        harness = make_harness(make_snapshot(make_grant(), buckets=UNSCOPED))
        harness.clock.move(pause - min(pause, harness.clock.boot()))
        urls.append(await url(harness, stable_for=600))
    assert urls[0] == urls[1]


def _urls(answers: Sequence[PresignedRequests | PresignError]) -> list[str]:
    """And the codes of refusals, in their places."""
    urls: list[str] = []
    for answer in answers:
        urls += [answer.code] if isinstance(answer, PresignError) else answer.urls
    return urls
