"""Buckets that CloudFront delivers: which answers are its URLs, how long they live, and cookies."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Grant, Operation
from service.access.surfaces import SURFACES, Surface
from service.errors import Forbidden, InvalidRequest, LifetimeUnavailable, PresignError
from service.presigning.cookies import CookiesRequest, SignedCookies, sign_cookies
from service.presigning.delivery import Delivery
from service.presigning.downloads import get_object
from service.sessions.lifetime import Lifetime, grant_delivery
from service.signing.actions import DeleteObject, GetObject, HeadObject, PutObject
from service.signing.cloudfront import MAX_DELIVERY_SECONDS
from tests.support.authorizer import Harness, make_harness
from tests.support.cloudfront import (
    KEY_ID,
    ORIGIN,
    ec_key,
    make_delivery,
    query_of,
    rsa_key,
    statement_of,
)
from tests.support.factories import REQUESTER, make_bucket, make_grant, make_request, make_snapshot
from tests.support.virtual_time import CLOCK_START, in_virtual_time, server_time

MONTH = 30 * 86_400
YEARLY = make_grant(max_expires_in=MAX_DELIVERY_SECONDS)
NAMED = get_object(disposition="attachment", filename="a.txt")


def make_delivered(*grants: Grant, delivery: Delivery | None = None, **options: Any) -> Harness:
    buckets = {"reports": make_bucket(cloudfront=delivery or make_delivery(**options))}
    return make_harness(make_snapshot(*(grants or (YEARLY,)), buckets=buckets))


async def cookies(harness: Harness, prefix: str = "film/", **lifetime: int) -> SignedCookies:
    request = CookiesRequest(bucket="reports", key=prefix, lifetime=Lifetime(**lifetime))
    return await sign_cookies(harness.authorizer, REQUESTER, request)


@in_virtual_time
async def test_a_download_is_a_cloudfront_url_without_a_session() -> None:
    harness = make_delivered()
    signed = await harness.presign(make_request(key="a b", expires_in=MONTH))
    query = query_of(signed.url)
    assert signed.url.startswith(f"{ORIGIN}/a%20b?Expires=")
    assert (query["Key-Pair-Id"], query["Hash-Algorithm"]) == (KEY_ID, "SHA256")
    assert int(query["Expires"]) == signed.validity.expires_at
    assert (signed.validity.expires_in, signed.validity.limited_by) == (MONTH, None)
    assert (signed.method, signed.headers) == ("GET", {})
    assert harness.fetches == 0


@in_virtual_time
async def test_the_audit_line_names_the_key_that_signed() -> None:
    harness = make_delivered()
    await harness.presign(make_request())
    await cookies(harness)
    url, made = harness.audit_lines
    assert (url["key_pair_id"], url["operation"], url["expires_in"]) == (KEY_ID, "download", 900)
    assert {"session_name", "access_key_id"}.isdisjoint(url)
    assert (made["action"], made["keys"], made["key_pair_id"]) == ("SignCookies", ["film/"], KEY_ID)
    assert b"Signature" not in b"".join(harness.audit_bytes)


@pytest.mark.parametrize("action", [HeadObject(), DeleteObject(), PutObject(content_length=1)])
@in_virtual_time
async def test_all_but_downloads_stays_s3s(action: HeadObject | DeleteObject | PutObject) -> None:
    """A CloudFront URL binds no method: who may only `head` would get the bytes."""
    signed = await make_delivered().presign(make_request(action))
    assert "X-Amz-Signature=" in signed.url


@pytest.mark.parametrize("surface", SURFACES)
@in_virtual_time
async def test_a_bucket_says_whose_downloads_are_delivered(surface: Surface) -> None:
    harness = make_delivered(surfaces=frozenset({surface}))
    urls = {
        each: (await harness.presigner.of_surface(each).presign(REQUESTER, make_request())).url
        for each in SURFACES
    }
    assert [each for each, url in urls.items() if url.startswith(ORIGIN)] == [surface]


@pytest.mark.parametrize(
    ("action", "pointer"),
    [
        (GetObject(version_id="v"), "#/version_id"),
        (get_object(content_type="text/plain"), "#/content_type"),
        (get_object(filename="a.txt"), "#/filename"),
        (get_object(disposition="inline"), "#/disposition"),
        (get_object(cache_control="no-store"), "#/cache_control"),
    ],
)
@pytest.mark.parametrize("surface", ["downloads", "object_urls"])
@in_virtual_time
async def test_what_a_distribution_drops_is_refused(
    action: GetObject, pointer: str, surface: Surface
) -> None:
    harness = make_delivered()
    with pytest.raises(InvalidRequest) as refused:
        await harness.presigner.of_surface(surface).presign(REQUESTER, make_request(action))
    assert list(refused.value.pointers) == [pointer]


@in_virtual_time
async def test_a_link_with_a_file_name_is_delivered_by_s3() -> None:
    """Its visitors could not change what the link asks for."""
    links = make_delivered().presigner.of_surface("links")
    assert "X-Amz-" in (await links.presign(REQUESTER, make_request(NAMED))).url
    assert (await links.presign(REQUESTER, make_request())).url.startswith(ORIGIN)


@in_virtual_time
async def test_response_parameters_are_signed_where_they_are_passed_on() -> None:
    harness = make_delivered(response_parameters=True)
    url = (await harness.presign(make_request(NAMED))).url
    assert url.startswith(f"{ORIGIN}/a/b?response-content-disposition=attachment")
    with pytest.raises(InvalidRequest):
        await harness.presign(make_request(GetObject(version_id="v")))


@in_virtual_time
async def test_a_stranger_learns_nothing_of_the_delivery() -> None:
    harness = make_delivered(make_grant(prefix="other/"))
    for request in (make_request(GetObject(version_id="v")), make_request(expires_in=MONTH)):
        assert isinstance(await harness.refusal(request), Forbidden)
    with pytest.raises(Forbidden):
        await cookies(harness)


@pytest.mark.parametrize("lifetime", [{"expires_in": 604_801}, {"min_expires_in": 604_801}])
@in_virtual_time
async def test_more_than_a_week_needs_cloudfront(lifetime: dict[str, int]) -> None:
    harness = make_harness(make_snapshot(YEARLY))
    refusal = await harness.refusal(replace(make_request(), lifetime=Lifetime(**lifetime)))
    assert isinstance(refusal, InvalidRequest)
    assert list(refusal.pointers) == [f"#/{name}" for name in lifetime]


@in_virtual_time
async def test_only_the_grant_shortens_a_lifetime() -> None:
    harness = make_delivered(make_grant(max_expires_in=100))
    validity = (await harness.presign(make_request(expires_in=MONTH))).validity
    assert (validity.expires_in, validity.limited_by) == (100, "grant")
    refusal = await harness.refusal(make_request(min_expires_in=101))
    assert isinstance(refusal, LifetimeUnavailable)


@given(
    asked=st.none() | st.integers(1, MAX_DELIVERY_SECONDS),
    granted=st.none() | st.integers(1, MAX_DELIVERY_SECONDS),
    stable_for=st.none() | st.integers(1, 86_400),
    now=st.floats(1_800_000_000, 5_000_000_000),
)
def test_no_delivery_outlives_its_grant(
    asked: int | None, granted: int | None, stable_for: int | None, now: float
) -> None:
    lifetime = Lifetime(expires_in=asked, stable_for=stable_for)
    validity = grant_delivery(lifetime, now=now, default=900, granted=granted)
    window = stable_for or 0
    if validity is None:
        assert granted is not None
        assert granted <= window
        return
    assert validity.limited_by != "session"
    assert validity.now <= now < validity.now + (stable_for or 1)
    assert validity.expires_in <= (granted or MAX_DELIVERY_SECONDS + window)
    wanted = asked or min(900, MAX_DELIVERY_SECONDS if granted is None else granted - window)
    assert validity.expires_in == min(wanted, (granted or 10**9) - window) + window
    assert (validity.limited_by == "grant") is (validity.expires_in < wanted + window)


@in_virtual_time
async def test_equal_requests_of_a_window_get_an_equal_url() -> None:
    """ECDSA's signatures are usually random."""
    for key in (ec_key(), rsa_key()):
        harness = make_delivered(delivery=make_delivery(key))
        harness.clock.move(600 - CLOCK_START % 600)
        request = make_request(stable_for=600, expires_in=60)
        first = await harness.presign(request)
        harness.clock.move(599)
        assert (await harness.presign(request)).url == first.url
        harness.clock.move(1)
        assert (await harness.presign(request)).url != first.url


@in_virtual_time
async def test_the_end_is_by_stss_clock_once_it_is_known() -> None:
    harness = make_delivered()
    harness.clock.skew = 1000
    by_ours = (await harness.presign(make_request())).validity.now
    assert by_ours == int(harness.clock.wall())
    harness.authorizer._pool.start()
    await asyncio.sleep(1)
    by_theirs = (await harness.presign(make_request())).validity.now
    assert by_theirs == int(server_time(harness.clock))


@in_virtual_time
async def test_cookies_open_the_prefix_and_nothing_else() -> None:
    signed = await cookies(make_delivered(), "a*b?/ä /", expires_in=60)
    assert signed.url == f"{ORIGIN}/a%2Ab%3F/%C3%A4%20/"
    assert statement_of(signed.cookies) == (f"{signed.url}*", signed.validity.expires_at)
    assert "Signature" not in repr(signed)


@pytest.mark.parametrize(
    ("prefix", "error", "pointer"),
    [
        ("film", InvalidRequest, "#/prefix"),
        ("../", InvalidRequest, "#/prefix"),
        ("a\n/", InvalidRequest, "#/prefix"),
        ("x" * 1025 + "/", InvalidRequest, "#/prefix"),
        ("", Forbidden, None),
        ("fil/", Forbidden, None),
        ("films/", Forbidden, None),
        ("film/", None, None),
        ("film/part/", None, None),
    ],
)
@in_virtual_time
async def test_cookies_need_a_folder_within_a_grant(
    prefix: str, error: type[PresignError] | None, pointer: str | None
) -> None:
    harness = make_delivered(make_grant(prefix="film/"), make_grant(prefix="fil/a"))
    if error is None:
        assert (await cookies(harness, prefix)).url == f"{ORIGIN}/{prefix}"
        return
    with pytest.raises(error) as refused:
        await cookies(harness, prefix)
    assert [*getattr(refused.value, "pointers", ())] == ([] if pointer is None else [pointer])


@in_virtual_time
async def test_cookies_need_download_and_a_distribution() -> None:
    without = make_grant(allow=frozenset(Operation) - {Operation.DOWNLOAD})
    with pytest.raises(Forbidden):
        await cookies(make_delivered(without))
    with pytest.raises(InvalidRequest) as refused:
        await cookies(make_harness(make_snapshot(YEARLY)))
    assert list(refused.value.pointers) == ["#/bucket"]


@in_virtual_time
async def test_cookies_for_the_whole_bucket_need_a_grant_on_all_of_it() -> None:
    assert (await cookies(make_delivered(), "")).url == f"{ORIGIN}/"


@in_virtual_time
async def test_the_lifetime_of_cookies_is_shortened_by_the_grant() -> None:
    harness = make_delivered(replace(YEARLY, max_expires_in=60))
    validity = (await cookies(harness, expires_in=MONTH)).validity
    assert (validity.expires_in, validity.limited_by) == (60, "grant")
