"""Copies and moves: nothing is lost, whatever fails."""

import asyncio
import json

import httpx
import pytest

from presign_client import AsyncPresign, PresignError, Retries
from tests.client.failing import fails
from tests.client.fake import TOKEN, Answer, Fake, etag, problem, s3_error
from tests.client.fake_pool import FakePool


@pytest.fixture(name="fake")
def _fake() -> Fake:
    fake = Fake()
    fake.put("a b.csv", b"12345")
    return fake


def refusal(fake: Fake, *, move: bool = True, overwrite: bool = False) -> str:
    client = fake.client()
    with pytest.raises(PresignError) as caught:
        (client.move if move else client.copy)("reports", "a b.csv", "b.csv", overwrite=overwrite)
    return caught.value.code


def test_a_copy_has_the_etag_of_the_store(fake: Fake) -> None:
    copied = fake.client().copy("reports", "a b.csv", "c/b.csv", etag=etag(b"12345"))

    assert (copied.bucket, copied.key, copied.etag) == ("reports", "c/b.csv", etag(b"12345"))
    assert fake.objects == {"a b.csv": b"12345", "c/b.csv": b"12345"}


def test_a_copy_to_another_bucket_names_its_source(fake: Fake) -> None:
    fake.client().copy("reports", "a b.csv", "b.csv", target_bucket="archive")

    source = {"key": "a b.csv", "bucket": "reports"}
    assert json.loads(fake.requests[0].content) == {
        "bucket": "archive",
        "key": "b.csv",
        "source": source,
    }


def test_a_move_deletes_only_what_it_has_copied(fake: Fake) -> None:
    fake.client().move("reports", "a b.csv", "b.csv")

    assert fake.objects == {"b.csv": b"12345"}
    [deletion] = fake.sent_to_the_store("DELETE")
    assert deletion.headers["if-match"] == etag(b"12345")
    assert fake.paths() == ["POST head-urls", "POST copy-urls", "POST delete-urls"]


def test_a_move_works_without_a_grant_to_look(fake: Fake) -> None:
    fake.denied = {"head-urls"}

    fake.client().move("reports", "a b.csv", "b.csv")

    assert fake.objects == {"b.csv": b"12345"}
    [deletion] = fake.sent_to_the_store("DELETE")
    assert deletion.headers["if-match"] == etag(b"12345")


NO_RESULT = httpx.Response(200, content="<Error><Code>AccessDenied</Code></Error>")
BUSY = httpx.Response(200, content="<Error><Code>InternalError</Code></Error>")
CUT = httpx.Response(200, content="")
TOO_LARGE = httpx.Response(
    400,
    content="<Error><Code>InvalidRequest</Code><Message>The specified copy source is larger than "
    "the maximum allowable size for a copy source: 5368709120</Message></Error>",
)


def to_copies(answer: httpx.Response) -> Answer:
    def answered(request: httpx.Request) -> httpx.Response | None:
        return answer if "x-amz-copy-source" in request.headers else None

    return answered


@pytest.mark.parametrize("move", [True, False])
@pytest.mark.parametrize(
    ("answer", "code", "tries"),
    [
        (NO_RESULT, "storage_refused", 1),
        (BUSY, "storage_unavailable", 6),
        (CUT, "storage_unavailable", 6),
        (TOO_LARGE, "copy_too_large", 1),
        (s3_error(403, "AccessDenied"), "storage_refused", 2),
        (s3_error(404, "NoSuchKey"), "not_found", 1),
        (s3_error(503, "SlowDown"), "storage_unavailable", 6),
    ],
)
def test_a_copy_that_fails_leaves_the_original(
    fake: Fake, answer: httpx.Response, code: str, tries: int, *, move: bool
) -> None:
    fake.before = to_copies(answer)

    assert refusal(fake, move=move) == code

    assert fake.objects == {"a b.csv": b"12345"}
    assert len(fake.sent_to_the_store("PUT")) == tries
    assert fake.sent_to_the_store("DELETE") == []


def test_a_move_replaces_nothing_unless_asked(fake: Fake) -> None:
    fake.put("b.csv", b"other")

    assert refusal(fake) == "object_exists"
    assert fake.objects == {"a b.csv": b"12345", "b.csv": b"other"}

    fake.client().move("reports", "a b.csv", "b.csv", overwrite=True)
    assert fake.objects == {"b.csv": b"12345"}


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_source_that_changed_before_the_copy_stays(fake: Fake, *, overwrite: bool) -> None:
    condition = "<Condition>x-amz-copy-source-If-Match</Condition>"
    content = f"<Error><Code>PreconditionFailed</Code>{condition * (not overwrite)}</Error>"
    fake.before = to_copies(httpx.Response(412, content=content))

    assert refusal(fake, overwrite=overwrite) == "source_changed"
    assert fake.objects == {"a b.csv": b"12345"}


LISTED = etag(b"12345")
LOOKS = {"POST head-urls", "POST download-urls"}
NO_LOOK = {"head-urls", "download-urls"}


def error_of_listed(fake: Fake, listed: str | None = LISTED) -> PresignError:
    """Copy what was listed to `b.csv`, which signs one copy."""
    with pytest.raises(PresignError) as caught:
        fake.client().copy("reports", "a b.csv", "b.csv", etag=listed)
    assert fake.paths().count("POST copy-urls") == 1
    return caught.value


@pytest.mark.parametrize("listed", [LISTED, LISTED.strip('"')])
def test_a_taken_target_is_said_where_the_store_names_nothing(fake: Fake, listed: str) -> None:
    fake.put("b.csv", b"other")

    assert error_of_listed(fake, listed).code == "object_exists"


@pytest.mark.parametrize("denied", [set(), {"head-urls"}])
@pytest.mark.parametrize("is_taken", [True, False])
def test_a_source_that_changed_since_the_list_is_said(
    fake: Fake, denied: set[str], *, is_taken: bool
) -> None:
    """Also if the target exists: another one would not help. MiniStack names no condition."""
    fake.put("a b.csv", b"newer")
    if is_taken:
        fake.put("b.csv", b"other")
    fake.denied = denied

    error = error_of_listed(fake)

    assert (error.code, error.detail) == (
        "source_changed",
        "The object has changed, and was not copied.",
    )


@pytest.mark.parametrize("answer", [s3_error(412, "PreconditionFailed"), None])
def test_a_source_that_is_gone_since_the_list_is_said(
    fake: Fake, answer: httpx.Response | None
) -> None:
    """A store may compare the condition on the target first."""
    fake.objects.clear()
    fake.before = to_copies(answer) if answer else None

    error = error_of_listed(fake)

    assert (error.code, error.status) == ("not_found", 404)
    assert error.detail == "The object that was to be copied is not there."


@pytest.mark.parametrize("listed", [LISTED, None])
@pytest.mark.parametrize("denied", [set(), NO_LOOK])
def test_a_source_that_is_gone_is_said_where_the_store_denies_it(
    fake: Fake, denied: set[str], listed: str | None
) -> None:
    """AWS does: the session that copies may not list."""
    fake.objects.clear()
    fake.before = to_copies(s3_error(403, "AccessDenied"))
    fake.denied = denied

    with pytest.raises(PresignError) as caught:
        fake.client().copy("reports", "a b.csv", "b.csv", etag=listed)

    assert caught.value.code == ("storage_refused" if denied else "not_found")


def test_a_bucket_that_is_missing_is_no_missing_source(fake: Fake) -> None:
    fake.before = to_copies(s3_error(404, "NoSuchBucket"))

    assert error_of_listed(fake).detail == "The store refused: HTTP 404, NoSuchBucket."


def test_both_causes_are_said_where_nobody_may_look(fake: Fake) -> None:
    fake.put("a b.csv", b"newer")
    fake.denied = NO_LOOK

    error = error_of_listed(fake)

    assert (error.code, error.detail) == (
        "precondition_failed",
        "The target exists, or the source has changed. The store does not say which.",
    )


def no_etag(request: httpx.Request) -> httpx.Response | None:
    """As behind a proxy that drops the header."""
    if request.url.path.startswith("/v1/") or request.method not in {"HEAD", "GET"}:
        return None
    return httpx.Response(200, headers={"content-length": "5"})


@pytest.mark.parametrize("denied", [set(), {"head-urls"}])
def test_both_causes_are_said_where_no_etag_is_shown(fake: Fake, denied: set[str]) -> None:
    fake.put("b.csv", b"other")
    fake.before, fake.denied = no_etag, denied

    assert error_of_listed(fake).code == "precondition_failed"


def test_a_move_is_refused_where_no_etag_is_shown(fake: Fake) -> None:
    fake.before = no_etag

    assert refusal(fake) == "storage_refused"
    assert fake.objects == {"a b.csv": b"12345"}


def test_a_token_that_ends_before_the_look_is_said(fake: Fake) -> None:
    """Else each of many objects would fail alone."""

    def end(request: httpx.Request) -> httpx.Response | None:
        looks = request.url.path == "/v1/head-urls"
        return problem(401, "unauthenticated") if looks else None

    fake.put("a b.csv", b"newer")
    fake.before = end

    assert error_of_listed(fake).code == "unauthenticated"


@pytest.mark.parametrize(
    ("named", "listed", "code"),
    [
        ("If-None-Match", LISTED, "object_exists"),
        ("x-amz-copy-source-If-Match", LISTED, "source_changed"),
        ("", None, "object_exists"),
    ],
)
def test_what_the_store_or_the_request_says_needs_no_look(
    fake: Fake, named: str, listed: str | None, code: str
) -> None:
    content = f"<Error><Condition>{named}</Condition><Key>x-amz-copy-source</Key></Error>"
    fake.before = to_copies(httpx.Response(412, content=content))

    assert error_of_listed(fake, listed).code == code
    assert LOOKS.isdisjoint(fake.paths())


def test_a_version_is_looked_at_by_its_id(fake: Fake) -> None:
    fake.put("b.csv", b"other")

    with pytest.raises(PresignError):
        fake.client().copy("reports", "a b.csv", "b.csv", etag=LISTED, version_id="v1")

    [looked] = [each for each in fake.requests if each.url.path == "/v1/head-urls"]
    assert json.loads(looked.content)["version_id"] == "v1"


def test_a_source_that_changed_after_the_copy_stays(fake: Fake) -> None:
    def change(request: httpx.Request) -> None:
        if request.method == "DELETE":
            fake.put("a b.csv", b"newer")

    fake.before = change

    assert refusal(fake) == "source_changed"
    assert fake.objects == {"a b.csv": b"newer", "b.csv": b"12345"}


def test_a_deletion_whose_answer_was_lost_is_done(fake: Fake) -> None:
    lost = False

    def lose(request: httpx.Request) -> httpx.Response | None:
        nonlocal lost
        if request.method != "DELETE" or lost:
            return None
        lost = True
        del fake.objects["a b.csv"]
        return s3_error(500, "InternalError")

    fake.before = lose

    fake.client().move("reports", "a b.csv", "b.csv")

    assert fake.objects == {"b.csv": b"12345"}


def test_an_object_is_not_moved_onto_itself(fake: Fake) -> None:
    with pytest.raises(PresignError) as caught:
        fake.client().move("reports", "a b.csv", "a b.csv", overwrite=True)

    assert caught.value.code == "invalid_request"
    assert fake.requests == []


def test_a_refusal_of_the_service_leaves_the_original(fake: Fake) -> None:
    fails(2, problem(403, "limit_exceeded"), fake)

    assert refusal(fake) == "limit_exceeded"
    assert fake.objects == {"a b.csv": b"12345"}


def test_both_can_be_awaited(fake: Fake) -> None:
    async def moved() -> None:
        http = httpx.Client(transport=httpx.MockTransport(fake.answer))
        client = AsyncPresign(
            "https://presign.test", TOKEN, retries=Retries(), http=http, pool=FakePool(fake.answer)
        )
        async with client as presign:
            await presign.copy("reports", "a b.csv", "b.csv")
            await presign.move("reports", "b.csv", "c.csv")

    asyncio.run(moved())

    assert fake.objects == {"a b.csv": b"12345", "c.csv": b"12345"}
