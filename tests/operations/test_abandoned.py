"""Uploads that nobody completed: which are listed, which are ended, and what is said of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from xml.sax.saxutils import escape

import httpx
import pytest

from service.operations.abandoned_uploads import (
    MAX_LISTED,
    MAX_PAGES,
    WORKERS,
    BucketSession,
    SweepResult,
    end,
    find,
    store_accesses,
    sweep,
)
from service.s3.client import S3Client
from service.s3.xml import OpenUpload
from service.telemetry.metrics import Metrics
from tests.support.fakes import (
    ADDRESS,
    SECRET,
    TOKEN,
    FakeClock,
    credentials,
)

HOUR: Final = 3600
DAY: Final = 24 * HOUR
OLD: Final = "2025-12-01T00:00:00.000Z"  # a month before the fake clock
YOUNG: Final = "2025-12-31T23:00:00Z"
BUCKET_XML: Final = "<ListMultipartUploadsResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>{}</ListMultipartUploadsResult>"
ERROR_XML: Final = (
    "<Error><Code>{}</Code><Message>arn:aws:iam::111122223333:user/ann may not</Message></Error>"
)

Markers = Literal["both", "id alone", "ignored"]


def upload(number: int, initiated: str = OLD, key: str | None = None) -> OpenUpload:
    return OpenUpload(
        key=key or f"uploads/{number:06}", upload_id=f"id-{number:06}", initiated=initiated
    )


def answer(status: int, text: str = "") -> httpx.Response:
    """With its body still to be read, as from a network."""
    return httpx.Response(status, stream=httpx.ByteStream(text.encode()))


@dataclass
class FakeBucket:
    """A store with one bucket. `refusals` has a code for a method, or for an upload's id."""

    uploads: list[OpenUpload]
    page_size: int = 1000
    markers: Markers = "both"
    refusals: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    pages: list[dict[str, str]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.method)
        query = dict(request.url.params)
        code = self.refusals.get(request.method) or self.refusals.get(query.get("uploadId", ""))
        if code == "hangs up":
            raise httpx.ConnectError("of a-secret.example", request=request)
        if code is not None:
            return answer(403, ERROR_XML.format(code))
        return self._page(query) if request.method == "GET" else await self._abort(request, query)

    def _page(self, query: dict[str, str]) -> httpx.Response:
        self.pages.append({name: query[name] for name in query if name.endswith("-marker")})
        ids = [each.upload_id for each in self.uploads]
        after = query.get("upload-id-marker") if self.markers != "ignored" else None
        begin = ids.index(after) + 1 if after else 0
        page = self.uploads[begin : begin + self.page_size]
        is_cut = begin + self.page_size < len(ids)
        return answer(200, BUCKET_XML.format(self._rendered(page, is_cut=is_cut)))

    def _rendered(self, page: Sequence[OpenUpload], *, is_cut: bool) -> str:
        text = "".join(
            f"<Upload><Key>{escape(each.key)}</Key><UploadId>{each.upload_id}</UploadId>"
            f"<Initiated>{escape(each.initiated)}</Initiated></Upload>"
            for each in page
        )
        if is_cut and self.markers != "id alone":
            text += f"<NextKeyMarker>{escape(page[-1].key)}</NextKeyMarker>"
        if is_cut:
            text += f"<NextUploadIdMarker>{page[-1].upload_id}</NextUploadIdMarker>"
        return text + f"<IsTruncated>{str(is_cut).lower()}</IsTruncated>"

    async def _abort(self, request: httpx.Request, query: dict[str, str]) -> httpx.Response:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        key = request.url.path.removeprefix("/")
        mine = [each for each in self.uploads if each.upload_id == query["uploadId"]]
        if [each.key for each in mine] != [key]:
            return answer(404, ERROR_XML.format("NoSuchUpload"))
        self.uploads.remove(mine[0])
        return answer(204)


@asynccontextmanager
async def at(store_answers: Callable[[httpx.Request], Any]) -> AsyncIterator[BucketSession]:
    """The bucket `reports`, at a store that answers so and is never waited for."""
    clock = FakeClock()
    transport = httpx.MockTransport(store_answers)
    store = S3Client(clock=clock, chance=lambda: 0.0, observer=Metrics(), transport=transport)
    try:
        [(name, leave)] = store_accesses({"reports": ADDRESS}, credentials(), clock.wall()).items()
        yield BucketSession(name, leave, store)
    finally:
        await store.close()


async def swept(
    bucket: FakeBucket, *, older_than: int = 7 * DAY, abort: bool = False
) -> tuple[SweepResult, list[str]]:
    shown: list[str] = []
    async with at(bucket) as place:
        done = await sweep(
            place, older_than=older_than, abort=abort, now=FakeClock().wall(), show=shown.append
        )
    return done, shown


# What is listed


@pytest.mark.parametrize("markers", ["both", "id alone"])
async def test_all_pages_are_read_with_exactly_the_markers_that_the_store_gave(
    markers: Markers,
) -> None:
    bucket = FakeBucket([upload(number) for number in range(7)], page_size=3, markers=markers)
    done, shown = await swept(bucket)
    assert [each.split("\t")[2] for each in shown] == [f"id-{number:06}" for number in range(7)]
    assert done == SweepResult(found=7)
    keys = [{"key-marker": f"uploads/{n:06}"} if markers == "both" else {} for n in (2, 5)]
    ids = [{"upload-id-marker": f"id-{n:06}"} for n in (2, 5)]
    assert bucket.pages == [{}, keys[0] | ids[0], keys[1] | ids[1]]


async def test_a_store_that_repeats_its_pages_is_left_and_each_upload_is_listed_once() -> None:
    bucket = FakeBucket([upload(number) for number in range(7)], page_size=3, markers="ignored")
    done, shown = await swept(bucket)
    assert len(bucket.pages) == 2
    assert (len(shown), done.found) == (3, 3)
    assert done.problems == ("the store's pages do not end; there may be more",)


async def test_a_store_whose_pages_never_end_is_left() -> None:
    numbers = iter(range(2 * MAX_PAGES))

    def page(_: httpx.Request) -> httpx.Response:
        marker = f"<NextUploadIdMarker>{next(numbers)}</NextUploadIdMarker>"
        return answer(200, BUCKET_XML.format(f"<IsTruncated>true</IsTruncated>{marker}"))

    async with at(page) as place:
        found = await find(place, older_than=0, now=0.0)
    assert next(numbers) == MAX_PAGES
    assert found.problems == ("the store's pages do not end; there may be more",)


async def test_no_more_are_listed_than_fit_and_that_is_said() -> None:
    bucket = FakeBucket([upload(number) for number in range(MAX_LISTED + 1)])
    async with at(bucket) as place:
        found = await find(place, older_than=0, now=0.0)
    assert len(found.uploads) == MAX_LISTED
    assert found.problems == ("only the first 100000 are listed",)


async def test_what_is_younger_is_not_listed_and_0_is_all() -> None:
    bucket = FakeBucket([upload(1), upload(2, YOUNG), upload(3, "2026-01-01T00:00:09Z")])
    assert [len(shown) for _, shown in [await swept(bucket)]] == [1]
    assert [len(shown) for _, shown in [await swept(bucket, older_than=59 * 60)]] == [2]
    assert [len(shown) for _, shown in [await swept(bucket, older_than=0)]] == [3]


async def test_a_bucket_that_may_not_be_listed_is_told_by_the_stores_code_alone() -> None:
    done, shown = await swept(FakeBucket([upload(1)], refusals={"GET": "AccessDenied"}))
    assert (done, shown) == (SweepResult(problems=("the store refuses: AccessDenied",)), [])


async def test_a_store_that_cannot_be_reached_is_told_without_its_address() -> None:
    done, _ = await swept(FakeBucket([], refusals={"GET": "hangs up"}))
    [problem] = done.problems
    assert problem == "The store cannot be reached, or reports a temporary failure"


# What is ended


async def test_without_abort_nothing_is_ended() -> None:
    bucket = FakeBucket([upload(1)])
    done, _ = await swept(bucket)
    assert (set(bucket.asked), done.ended, len(bucket.uploads)) == ({"GET"}, 0, 1)


async def test_exactly_what_is_listed_is_ended_and_only_once_all_is_listed() -> None:
    earliest_refresh_remaining, odd = upload(8, YOUNG), upload(9, "who knows")
    old = [upload(number) for number in range(5)]
    bucket = FakeBucket([*old, earliest_refresh_remaining, odd], page_size=2)
    done, shown = await swept(bucket, abort=True)
    assert bucket.uploads == [earliest_refresh_remaining, odd]
    assert bucket.asked == ["GET"] * 4 + ["DELETE"] * 5 + ["GET"]
    assert done == SweepResult(found=5, ageless=1, ended=5)
    assert shown[-1].endswith("\t'who knows'\tunknown age")


async def test_an_upload_without_an_age_is_not_ended_though_all_are_meant() -> None:
    bucket = FakeBucket([upload(1, "who knows")])
    done, _ = await swept(bucket, older_than=0, abort=True)
    assert (len(bucket.uploads), done) == (1, SweepResult(ageless=1))


async def test_keys_of_all_sorts_are_ended_under_their_own_name() -> None:
    keys = ["a b", "Résumé+%2F?.pdf", "a//b", "it's\u202e", "x#y&z=1"]
    bucket = FakeBucket([upload(number, key=key) for number, key in enumerate(keys)])
    done, _ = await swept(bucket, abort=True)
    assert (bucket.uploads, done.ended) == ([], len(keys))


async def test_a_key_that_a_client_would_rewrite_is_not_sent_but_told() -> None:
    bucket = FakeBucket([upload(1, key="a/../b"), upload(2)])
    done, _ = await swept(bucket, abort=True)
    assert (bucket.asked, done.ended) == (["GET", "DELETE", "GET"], 1)
    assert done.problems == (
        "1 not aborted: A segment `.` or `..` is not allowed: HTTP clients rewrite it",
    )


async def test_an_upload_that_is_listed_still_is_not_said_to_be_ended() -> None:
    """Some stores list another key than they were given, and know no upload of that."""
    bucket = FakeBucket([upload(1), upload(2)], refusals={"id-000002": "NoSuchUpload"})
    done, _ = await swept(bucket, abort=True)
    assert (done.found, done.ended) == (2, 1)
    assert done.problems == ("1 are still there, though the store refused nothing",)


async def test_an_upload_that_is_gone_meanwhile_counts_as_ended() -> None:
    async with at(FakeBucket([])) as place:
        assert await end(place, [upload(1)]) == (1, [])


async def test_an_upload_that_may_not_be_ended_keeps_no_other_from_it() -> None:
    bucket = FakeBucket(
        [upload(number) for number in range(50)],
        refusals={"id-000003": "AccessDenied", "id-000040": "AccessDenied"},
    )
    done, _ = await swept(bucket, abort=True)
    assert done == SweepResult(
        found=50, ended=48, problems=("2 not aborted: the store refuses: AccessDenied",)
    )


async def test_a_store_that_stops_to_answer_is_not_asked_for_each_of_them() -> None:
    bucket = FakeBucket([upload(number) for number in range(500)], refusals={"DELETE": "hangs up"})
    done, _ = await swept(bucket, abort=True)
    assert bucket.asked.count("DELETE") == 3 * WORKERS
    assert done.problems == (
        f"{WORKERS} not aborted: The store cannot be reached, or reports a temporary failure",
        f"{500 - WORKERS} not tried: the store does not answer",
    )


async def test_few_are_ended_at_a_time_and_none_is_sent_away() -> None:
    bucket = FakeBucket([upload(number) for number in range(200)])
    done, _ = await swept(bucket, abort=True)
    assert (done.ended, bucket.most_under_way) == (200, WORKERS)


# With whose credentials, and where


def test_a_bucket_is_asked_where_the_service_reaches_it_with_the_operators_token() -> None:
    inner = replace(ADDRESS, host="store.internal")
    [(name, leave)] = store_accesses(
        {"a": replace(ADDRESS, inner=inner)}, credentials(), 0.0
    ).items()
    assert (name, leave.internal_signer.address) == ("a", inner)
    assert leave.internal_signer.credentials.session_token == TOKEN
    assert TOKEN not in repr(leave)
    assert SECRET not in repr(leave)


def test_a_bucket_with_two_names_is_one() -> None:
    outer = replace(ADDRESS, host="store.example", inner=ADDRESS)
    assert list(store_accesses({"a": ADDRESS, "b": outer}, credentials(), 0.0)) == ["a"]
