"""Abandoned uploads: which are listed, and which are aborted."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest

from service.operations.abandoned_uploads import (
    MAX_LISTED,
    MAX_PAGES,
    WORKERS,
    BucketClient,
    SweepResult,
    UploadWithAge,
    abort_uploads,
    list_uploads,
    store_accesses,
    sweep,
)
from service.operations.uploads_output import line
from service.s3.client import S3Client
from service.telemetry.metrics import Metrics
from tests.operations.fake_bucket import (
    DAY,
    ERROR_XML,
    LISTING_XML,
    YOUNG,
    FakeBucket,
    Markers,
    upload,
    uploads,
)
from tests.support.app import make_store_response
from tests.support.factories import ADDRESS, SECRET, TOKEN, make_credentials
from tests.support.virtual_time import FakeClock

ENDLESS: Final = "the store's pages do not end; there may be more"


@asynccontextmanager
async def client_of(respond: Callable[[httpx.Request], Any]) -> AsyncIterator[BucketClient]:
    """The bucket `reports`, at a store that responds at once."""
    clock = FakeClock()
    transport = httpx.MockTransport(respond)
    store = S3Client(clock=clock, chance=lambda: 0.0, observer=Metrics(), transport=transport)
    try:
        accesses = store_accesses({"reports": ADDRESS}, make_credentials(), clock.wall())
        yield BucketClient("reports", accesses["reports"], store)
    finally:
        await store.close()


async def swept(
    bucket: FakeBucket, *, older_than: int = 7 * DAY, abort: bool = False
) -> tuple[SweepResult, list[str]]:
    shown: list[str] = []

    def show(bucket: str, found: UploadWithAge) -> None:
        shown.append(line(bucket, found))

    async with client_of(bucket) as client:
        now = FakeClock().wall()
        result = await sweep(client, older_than=older_than, abort=abort, now=now, show=show)
    return result, shown


# Listing


@pytest.mark.parametrize("markers", ["both", "id alone"])
async def test_each_page_is_requested_with_the_stores_own_markers(markers: Markers) -> None:
    bucket = FakeBucket(uploads(7), page_size=3, markers=markers)
    result, shown = await swept(bucket)
    assert [each.split("\t")[2] for each in shown] == [f"id-{number:06}" for number in range(7)]
    assert (result, set(bucket.methods)) == (SweepResult(found=7), {"GET"})
    keys = [{"key-marker": f"uploads/{n:06}"} if markers == "both" else {} for n in (2, 5)]
    ids = [{"upload-id-marker": f"id-{n:06}"} for n in (2, 5)]
    assert bucket.sent_markers == [{}, keys[0] | ids[0], keys[1] | ids[1]]


async def test_a_store_that_repeats_its_pages_is_not_listed_forever() -> None:
    bucket = FakeBucket(uploads(7), page_size=3, markers="ignored")
    result, shown = await swept(bucket)
    assert len(bucket.sent_markers) == 2
    assert (len(shown), result.found) == (3, 3)
    assert result.problems == (ENDLESS,)


async def test_a_store_whose_pages_never_end_is_not_listed_forever() -> None:
    numbers = iter(range(2 * MAX_PAGES))

    def page(_: httpx.Request) -> httpx.Response:
        marker = f"<NextUploadIdMarker>{next(numbers)}</NextUploadIdMarker>"
        return make_store_response(
            200, LISTING_XML.format(f"<IsTruncated>true</IsTruncated>{marker}")
        )

    async with client_of(page) as client:
        listing = await list_uploads(client, older_than=0, now=0.0)
    assert next(numbers) == MAX_PAGES
    assert listing.problem == ENDLESS


async def test_the_number_of_listed_uploads_is_limited() -> None:
    async with client_of(FakeBucket(uploads(MAX_LISTED + 1))) as client:
        listing = await list_uploads(client, older_than=0, now=0.0)
    assert len(listing.uploads) == MAX_LISTED
    assert listing.problem == "only the first 100000 are listed"


@pytest.mark.parametrize(("older_than", "found"), [(7 * DAY, 1), (59 * 60, 2), (0, 3)])
async def test_younger_uploads_are_not_listed(older_than: int, found: int) -> None:
    bucket = FakeBucket([upload(1), upload(2, YOUNG), upload(3, "2026-01-01T00:00:09Z")])
    _, shown = await swept(bucket, older_than=older_than)
    assert len(shown) == found


@pytest.mark.parametrize(
    ("code", "text"),
    [("AccessDenied", "the store refused: AccessDenied"), ("hangs up", "The store")],
)
async def test_a_failed_listing_shows_no_message_or_address(code: str, text: str) -> None:
    result, shown = await swept(FakeBucket([upload(1)], errors={"GET": code}))
    [problem] = result.problems
    assert (result, shown) == (SweepResult(problems=(problem,)), [])
    assert problem.startswith(text)
    assert "arn:" not in problem
    assert "secret" not in problem


# Aborting


async def test_exactly_the_listed_uploads_are_aborted_after_the_listing() -> None:
    young, undated = upload(8, YOUNG), upload(9, "who knows")
    bucket = FakeBucket([*uploads(5), young, undated], page_size=2)
    result, shown = await swept(bucket, abort=True)
    assert bucket.uploads == [young, undated]
    assert bucket.methods == ["GET"] * 4 + ["DELETE"] * 5 + ["GET"]
    assert result == SweepResult(found=5, ageless=1, aborted=5)
    assert shown[-1].endswith("\t'who knows'\tunknown age")


async def test_an_upload_of_unknown_age_is_never_aborted() -> None:
    bucket = FakeBucket([upload(1, "who knows")])
    result, _ = await swept(bucket, older_than=0, abort=True)
    assert (len(bucket.uploads), result) == (1, SweepResult(ageless=1))


async def test_an_upload_with_an_unusual_key_is_aborted() -> None:
    keys = ["a b", "Résumé+%2F?.pdf", "a//b", "it's\u202e", "x#y&z=1"]
    bucket = FakeBucket([upload(number, key=key) for number, key in enumerate(keys)])
    result, _ = await swept(bucket, abort=True)
    assert (bucket.uploads, result.aborted) == ([], len(keys))


async def test_a_key_that_http_clients_rewrite_is_not_sent() -> None:
    bucket = FakeBucket([upload(1, key="a/../b"), upload(2)])
    result, _ = await swept(bucket, abort=True)
    assert (bucket.methods, result.aborted) == (["GET", "DELETE", "GET"], 1)
    [problem] = result.problems
    assert problem.startswith("1 not aborted: A segment `.` or `..`")


async def test_an_upload_that_is_still_listed_is_not_aborted() -> None:
    """Some stores list another key than the upload's, and know no upload of that key."""
    bucket = FakeBucket([upload(1), upload(2)], errors={"id-000002": "NoSuchUpload"})
    result, _ = await swept(bucket, abort=True)
    assert (result.found, result.aborted) == (2, 1)
    assert result.problems == ("1 are still there, although the store reported no error",)


async def test_an_upload_that_has_ended_meanwhile_is_no_problem() -> None:
    async with client_of(FakeBucket([])) as client:
        assert await abort_uploads(client, [upload(1)]) == []


async def test_a_failed_abort_does_not_stop_the_others() -> None:
    errors = {"id-000003": "AccessDenied", "id-000040": "AccessDenied"}
    result, _ = await swept(FakeBucket(uploads(50), errors=errors), abort=True)
    problems = ("2 not aborted: the store refused: AccessDenied",)
    assert result == SweepResult(found=50, aborted=48, problems=problems)


async def test_a_failed_second_listing_is_reported() -> None:
    bucket = FakeBucket(uploads(2))

    async def respond(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and "DELETE" in bucket.methods:
            return make_store_response(403, ERROR_XML.format("AccessDenied"))
        return await bucket(request)

    async with client_of(respond) as client:
        result = await sweep(client, older_than=0, abort=True, now=0.0, show=lambda *_: None)
    problem = "cannot tell whether the uploads are gone: the store refused: AccessDenied"
    assert result == SweepResult(found=2, problems=(problem,))


async def test_a_store_that_stops_answering_gets_few_requests() -> None:
    bucket = FakeBucket(uploads(500), errors={"DELETE": "hangs up"})
    result, _ = await swept(bucket, abort=True)
    assert bucket.methods.count("DELETE") == 3 * WORKERS
    failed, untried = result.problems
    assert failed.startswith(f"{WORKERS} not aborted: The store")
    assert untried == f"{500 - WORKERS} not tried: the store does not answer"


async def test_only_a_few_are_aborted_at_once() -> None:
    bucket = FakeBucket(uploads(200))
    result, _ = await swept(bucket, abort=True)
    assert (result.aborted, bucket.most_under_way) == (200, WORKERS)


# Credentials and address


def test_the_internal_address_gets_the_operators_credentials() -> None:
    inner = replace(ADDRESS, host="store.internal")
    both = replace(ADDRESS, inner=inner)
    access = store_accesses({"a": both}, make_credentials(), 0.0)["a"]
    assert access.internal_signer.address == inner
    assert access.internal_signer.credentials.session_token == TOKEN
    assert TOKEN not in repr(access)
    assert SECRET not in repr(access)


def test_a_bucket_with_two_names_is_swept_once() -> None:
    outer = replace(ADDRESS, host="store.example", inner=ADDRESS)
    assert list(store_accesses({"a": ADDRESS, "b": outer}, make_credentials(), 0.0)) == ["a"]
