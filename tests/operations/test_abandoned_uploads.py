"""Abandoned uploads: which are listed, which are aborted, and what the operator reads."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal
from xml.sax.saxutils import escape

import httpx
import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.operations.abandoned_uploads import (
    MAX_LISTED,
    MAX_PAGES,
    WORKERS,
    BucketClient,
    SweepResult,
    UploadWithAge,
    abort_uploads,
    age_of,
    line,
    list_uploads,
    parse_duration,
    store_accesses,
    summary,
    sweep,
)
from service.s3.client import S3Client
from service.s3.xml import OpenUpload
from service.telemetry.metrics import Metrics
from tests.cli.invoking import GOOD
from tests.support.app import make_store_response
from tests.support.factories import ADDRESS, SECRET, TOKEN, make_credentials
from tests.support.virtual_time import FakeClock

HOUR: Final = 3600
DAY: Final = 24 * HOUR
OLD: Final = "2025-12-01T00:00:00.000Z"  # a month before the fake clock
YOUNG: Final = "2025-12-31T23:00:00Z"
LISTING_XML: Final = "<ListMultipartUploadsResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>{}</ListMultipartUploadsResult>"
ERROR_XML: Final = (
    "<Error><Code>{}</Code><Message>arn:aws:iam::111122223333:user/ann may not</Message></Error>"
)
ENDLESS: Final = "the store's pages do not end; there may be more"

Markers = Literal["both", "id alone", "ignored"]


def upload(number: int, initiated: str = OLD, key: str | None = None) -> OpenUpload:
    return OpenUpload(
        key=key or f"uploads/{number:06}", upload_id=f"id-{number:06}", initiated=initiated
    )


def uploads(count: int) -> list[OpenUpload]:
    return [upload(number) for number in range(count)]


@dataclass
class FakeBucket:
    """A store with one bucket. `errors` has a code for a method, or for an upload's id."""

    uploads: list[OpenUpload]
    page_size: int = 1000
    markers: Markers = "both"
    errors: dict[str, str] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    sent_markers: list[dict[str, str]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.methods.append(request.method)
        query = dict(request.url.params)
        code = self.errors.get(request.method) or self.errors.get(query.get("uploadId", ""))
        if code == "hangs up":
            raise httpx.ConnectError("of a-secret.example", request=request)
        if code is not None:
            return make_store_response(403, ERROR_XML.format(code))
        return self._list(query) if request.method == "GET" else await self._abort(request, query)

    def _list(self, query: dict[str, str]) -> httpx.Response:
        self.sent_markers.append({name: query[name] for name in query if name.endswith("-marker")})
        ids = [each.upload_id for each in self.uploads]
        after = query.get("upload-id-marker") if self.markers != "ignored" else None
        first = ids.index(after) + 1 if after else 0
        page = self.uploads[first : first + self.page_size]
        is_truncated = first + self.page_size < len(ids)
        listing = self._rendered(page, is_truncated=is_truncated)
        return make_store_response(200, LISTING_XML.format(listing))

    def _rendered(self, page: Sequence[OpenUpload], *, is_truncated: bool) -> str:
        text = "".join(
            f"<Upload><Key>{escape(each.key)}</Key><UploadId>{each.upload_id}</UploadId>"
            f"<Initiated>{escape(each.initiated)}</Initiated></Upload>"
            for each in page
        )
        if is_truncated and self.markers != "id alone":
            text += f"<NextKeyMarker>{escape(page[-1].key)}</NextKeyMarker>"
        if is_truncated:
            text += f"<NextUploadIdMarker>{page[-1].upload_id}</NextUploadIdMarker>"
        return text + f"<IsTruncated>{str(is_truncated).lower()}</IsTruncated>"

    async def _abort(self, request: httpx.Request, query: dict[str, str]) -> httpx.Response:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        key = request.url.path.removeprefix("/")
        found = [each for each in self.uploads if each.upload_id == query["uploadId"]]
        if [each.key for each in found] != [key]:
            return make_store_response(404, ERROR_XML.format("NoSuchUpload"))
        self.uploads.remove(found[0])
        return make_store_response(204, "")


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
    async with client_of(bucket) as client:
        now = FakeClock().wall()
        result = await sweep(client, older_than=older_than, abort=abort, now=now, show=shown.append)
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
        result = await sweep(client, older_than=0, abort=True, now=0.0, show=lambda _: None)
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


# Options and output


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7d", 7 * DAY), ("36h", 36 * HOUR), ("90m", 90 * 60), ("1m", 60), ("0m", 0)],
)
def test_a_duration_is_in_days_hours_or_minutes(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",  # u0667 is an Arabic digit
    ["", "7", "d", "7 d", "-7d", "1.5d", "30s", "1w", "7D", "7d12h", "\u0667d", "123456d", "7d\n"],
)
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 7d, 36h or 90m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--older-than", "soon"], "such as 7d, 36h or 90m"),
        (["--older-than", "7d", "--bucket", "report"], "there are: reports"),
    ],
)
def test_the_command_says_what_to_write(tmp_path: Path, options: list[str], message: str) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD)
    done = CliRunner().invoke(main, ["uploads", "--config", str(path), *options])
    assert (done.exit_code, message in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("initiated", "age"),
    [
        ("1970-01-02T00:00:00Z", 2 * DAY),
        ("1970-01-02T00:00:00.000Z", 2 * DAY),
        ("1970-01-02T02:00:00.5+02:00", 2 * DAY),
        ("yesterday", None),
        ("1970-01-02T00:00:00", None),  # local time
        ("1970-13-02T00:00:00Z", None),
    ],
)
def test_an_age_is_that_of_a_time_with_its_zone(initiated: str, age: int | None) -> None:
    assert age_of(initiated, 3.0 * DAY) == (age and pytest.approx(age, abs=1))


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("invoices/2026-03.pdf", "invoices/2026-03.pdf"), ("a b", "'a b'"),
        ("Résumé.pdf", "'Résumé.pdf'"), ("a\tb\nc", r"'a\tb\nc'"), ("\x1b[2J", r"'\x1b[2J'"),
        ("\x9b2J", r"'\x9b2J'"), ("gpj.\u202eexe", r"'gpj.\u202eexe'"), ("it's", '"it\'s"'),
    ],
)  # fmt: skip
def test_a_line_contains_no_control_characters(key: str, shown: str) -> None:
    printed = line("reports", UploadWithAge(upload(1, key=key), 3.0 * DAY))
    assert printed.split("\t") == ["reports", shown, "id-000001", OLD, "3 d"]


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (-5.0, "0 m"), (59.0, "0 m"), (119 * 60.0, "119 m"), (2.0 * HOUR, "2 h"),
        (47.9 * HOUR, "47 h"), (2.0 * DAY, "2 d"), (1000.0 * DAY, "1000 d"), (None, "unknown age"),
    ],
)  # fmt: skip
def test_an_age_is_shown_in_a_suitable_unit(age: float | None, shown: str) -> None:
    assert line("reports", UploadWithAge(upload(1), age)).endswith(f"\t{shown}")


@pytest.mark.parametrize(
    ("results", "older_than", "abort", "text"),
    [
        ([SweepResult(found=12)], 7 * DAY, False, "12 uploads older than 7 d; use --abort to abort them"),
        ([SweepResult(found=5, aborted=5), SweepResult(found=7, aborted=6)], 36 * HOUR, True,
         "12 uploads older than 36 h; 11 aborted"),
        ([SweepResult(found=1, aborted=1)], 90 * 60, True, "1 upload older than 90 m; 1 aborted"),
        ([], 0, False, "0 uploads of any age"),
        ([SweepResult(found=1, ageless=2)], DAY, False,
         "1 upload older than 1 d, and 2 of unknown age, left alone; use --abort to abort them"),
    ],
)  # fmt: skip
def test_the_summary_counts_found_and_aborted_uploads(
    results: list[SweepResult], older_than: int, abort: bool, text: str
) -> None:
    assert summary(results, older_than=older_than, abort=abort) == text
