"""Problems of the service, refusals of the store, and which calls are repeated."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

from presign_client import Presign, PresignError, Retries
from presign_client.filesystem import PresignFileSystem
from presign_client.remote_signing import RemoteSigner, UnsignedRequest
from tests.client.failing import fails
from tests.client.fake import TOKEN, Fake, problem, s3_error
from tests.client.socket_store import store_that
from tests.client.transferring import CONTENT


def refused(fake: Fake) -> PresignError:
    with pytest.raises(PresignError) as caught, fake.client() as client:
        client.download_url("reports", "a.csv")
    return caught.value


def test_a_problem_keeps_code_fields_and_request_id() -> None:
    fake, fields = Fake(), [{"pointer": "#/key", "detail": "Too long."}]
    fails(1, problem(422, "invalid_request", errors=fields), fake)

    error = refused(fake)

    assert (error.code, error.status, error.request_id) == ("invalid_request", 422, "request-1")
    assert str(error) == "invalid_request: #/key: Too long."
    assert fake.waits == []


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_a_temporary_problem_is_repeated_after_retry_after(status: int) -> None:
    fake = Fake()
    fails(2, problem(status, "overloaded", after=7), fake)

    fake.client().whoami()

    assert fake.waits == [7, 7]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 502])
def test_a_final_problem_is_not_repeated(status: int) -> None:
    fake = Fake()
    fails(1, problem(status, "no"), fake)

    assert refused(fake).status == status
    assert len(fake.requests) == 1


def test_retries_wait_longer_each_time_and_end() -> None:
    fake = Fake()
    fails(9, problem(503, "overloaded"), fake)

    assert refused(fake).code == "overloaded"
    assert fake.waits == [0.5, 1, 2, 4, 8]


def test_a_long_retry_after_is_an_error_at_once() -> None:
    fake = Fake()
    fails(1, problem(429, "rate_limited", after=3600), fake)

    assert refused(fake).code == "rate_limited"
    assert fake.waits == []


def test_a_lost_answer_is_repeated() -> None:
    fake = Fake()
    fails(1, httpx.ReadError("lost"), fake)

    assert fake.client().whoami().subject == "tests"


def test_a_link_is_not_made_twice_for_a_lost_answer() -> None:
    fake = Fake()
    fails(1, httpx.ReadError("lost"), fake)

    with pytest.raises(PresignError, match="unreachable"):
        fake.client().link("reports", "a.csv")

    assert fake.paths() == ["POST links"]


@pytest.mark.parametrize("failure", [httpx.ConnectError("no"), problem(429, "rate_limited")])
def test_a_link_that_cannot_exist_yet_is_asked_for_again(
    failure: httpx.Response | Exception,
) -> None:
    fake = Fake()
    fails(1, failure, fake)

    assert fake.client().link("reports", "a.csv").id == "7"


def test_an_address_that_never_answers_is_tried_twice() -> None:
    fake = Fake()
    fails(9, httpx.ConnectError("[Errno 111] Connection refused"), fake)

    text = "Cannot connect to https://presign.test: is PRESIGN_URL right?"
    assert str(refused(fake)) == f"unreachable: {text}"
    assert len(fake.requests) == 2


@pytest.mark.parametrize("status", [200, 302, 404, 502])
def test_a_login_page_is_not_presign(status: int) -> None:
    fake = Fake()
    page = httpx.Response(status, headers={"content-type": "text/html"}, content="<h1>Sign in")
    fails(1, page, fake)

    error = refused(fake)

    assert (error.code, error.status) == ("not_presign", status)
    assert "Sign in" not in str(error)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "5", '{"code": 5}', '{"code": ["a"], "detail": ""}']
)
@pytest.mark.parametrize("kind", ["application/problem+json", "text/plain"])
def test_a_problem_that_is_none_is_not_presign(content: str, kind: str) -> None:
    fake = Fake()
    fails(1, httpx.Response(404, headers={"content-type": kind}, content=content), fake)

    assert refused(fake).code == "not_presign"


@pytest.mark.parametrize("content", ["{", "[" * 200_000])
@pytest.mark.parametrize("kind", ["application/json", "application/problem+json"])
def test_an_answer_that_is_no_json_is_not_presign(content: str, kind: str) -> None:
    fake = Fake()
    fails(1, httpx.Response(200, headers={"content-type": kind}, content=content), fake)

    assert refused(fake).code == "not_presign"


@pytest.mark.parametrize("member", [{"metadata": 7}, {"checksums": {"SHA256": 4}}])
def test_an_object_that_is_described_in_another_form_is_not_presign(
    tmp_path: Path, member: dict[str, Any]
) -> None:
    fake = Fake()
    found = {"found": True, "mismatches": [], "content_length": 1, "etag": '"a"'} | member
    fails(1, httpx.Response(200, json=found), fake, "object-checks")

    with pytest.raises(PresignError) as caught, fake.client() as client:
        client.download("reports", "a.csv", tmp_path / "a")

    assert caught.value.code == "not_presign"


UNSIGNED = UnsignedRequest(region="eu-west-1", method="GET", uri="https://store.test/a")
CALLS: dict[str, Callable[[Presign], Any]] = {
    "caller": lambda presign: presign.whoami(),
    "download-urls": lambda presign: presign.download_url("reports", "a.csv"),
    "objects": lambda presign: next(presign.list("reports")),
    "object-versions": lambda presign: next(presign.versions("reports", "a.csv")),
    "links": lambda presign: presign.link("reports", "a.csv"),
    "links?": lambda presign: next(presign.links()),
    "credentials": lambda presign: presign.credentials("reports"),
    "cookies": lambda presign: presign.cookies("reports", "a/"),
    "aws/s3/sign": lambda presign: RemoteSigner(presign._api, lambda: TOKEN).sign(UNSIGNED),
    **dict.fromkeys(
        ("object-checks", "multipart-uploads", "part-urls", "complete"),
        lambda presign: presign.upload(BytesIO(CONTENT), "reports", "a.csv", part_size=5),
    ),
}
FORMS = ["null", "5", '"x"', "[1]", "{}", '{"subject": 5, "grants": []}', '{"results": 5}']


@pytest.mark.parametrize("content", FORMS)
@pytest.mark.parametrize("path", CALLS)
def test_json_of_another_form_is_not_presign(path: str, content: str) -> None:
    fake = Fake()
    kind = {"content-type": "application/json"}
    fails(9, httpx.Response(200, headers=kind, content=content), fake, path.strip("?"))

    with pytest.raises(PresignError) as caught, fake.client() as client:
        CALLS[path](client)

    assert str(caught.value) == (
        "not_presign: HTTP 200 from https://presign.test, without what presign answers in JSON: "
        "a proxy or a login page is in between, or the URL of the service is wrong."
    )


def test_an_answer_without_a_body_is_not_presign() -> None:
    fake = Fake()
    fails(1, httpx.Response(204), fake)

    assert refused(fake).code == "not_presign"


def test_a_wrong_token_is_not_shown() -> None:
    fake = Fake()
    fails(1, problem(401, "unauthenticated"), fake)

    assert TOKEN not in str(refused(fake))


@pytest.mark.parametrize(
    ("status", "s3_code", "code", "tries"),
    [
        (403, "AccessDenied", "storage_refused", 2),
        (404, "NoSuchKey", "not_found", 1),
        (503, "SlowDown", "storage_unavailable", 6),
        (400, "BadDigest", "checksum_mismatch", 2),
    ],
)
def test_a_stores_refusal_has_the_code_that_fits(
    status: int, s3_code: str, code: str, tries: int
) -> None:
    fake = Fake()
    fails(99, s3_error(status, s3_code), fake, "store.test")

    with pytest.raises(PresignError) as caught:
        fake.client().delete("reports", "a.csv")

    assert (caught.value.code, caught.value.status) == (code, status)
    assert str(caught.value) == f"{code}: The store refused: HTTP {status}, {s3_code}."
    assert len(fake.sent_to_the_store("DELETE")) == tries


def without_headers(fake: Fake, status: int = 200, body: bytes = b"", /, **headers: str) -> None:
    """Let the store's first answer have no others than these."""
    fake.put("a.csv", CONTENT)
    fails(1, httpx.Response(status, headers=headers, content=body), fake, "store.test")


@pytest.mark.parametrize("length", [{}, {"content-length": "many"}, {"content-length": "9" * 19}])
def test_a_head_that_says_no_length_is_refused(length: dict[str, str]) -> None:
    fake = Fake()
    without_headers(fake, **length)

    with pytest.raises(PresignError, match="storage_refused: The store does not say how long"):
        fake.client().head("reports", "a.csv")


@pytest.mark.parametrize("status", [200, 206])
@pytest.mark.parametrize(
    "length", [{}, {"content-range": "bytes 0-0/*"}, {"content-range": f"bytes 0-0/{'9' * 19}"}]
)
def test_a_get_that_says_no_length_is_refused(
    tmp_path: Path, status: int, length: dict[str, str]
) -> None:
    fake = Fake(denied={"object-checks"})
    without_headers(fake, status, **length)

    with pytest.raises(PresignError, match="storage_refused: The store does not say how long"):
        fake.client().download("reports", "a.csv", tmp_path / "a")


def test_the_length_of_a_range_is_not_the_objects(tmp_path: Path) -> None:
    fake = Fake(denied={"object-checks"})
    without_headers(fake, 206, b"1")

    with pytest.raises(PresignError, match="storage_refused: The store does not say how long"):
        fake.client().download("reports", "a.csv", tmp_path / "a")


@pytest.mark.parametrize(
    "text", ["", "yesterday", "Sun, 99 Mar 2026 12:00:00 GMT", f"01 Mar {'9' * 20} 12:00:00 GMT"]
)
def test_a_time_that_cannot_be_read_is_unknown(files: PresignFileSystem, text: str) -> None:
    fake = Fake()
    without_headers(fake, 200, b"12345", **{"last-modified": text})
    found = fake.client().head("reports", "a.csv")
    without_headers(fake, 200, b"12345", **{"last-modified": text})
    fake.denied = {"head-urls"}
    files.presign = fake.client()
    entry = files.info("reports/a.csv")

    assert (found.size, found.last_modified) == (5, None)
    assert (entry["size"], entry["last_modified"]) == (5, None)


def test_a_time_without_a_zone_is_utc() -> None:
    fake = Fake()
    without_headers(fake, **{"content-length": "5", "last-modified": "Sun, 01 Mar 2026 12:00:00"})

    found = fake.client().head("reports", "a.csv")

    assert found.last_modified == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_part_that_is_stored_without_an_etag_is_refused() -> None:
    fake = Fake()
    without_headers(fake)

    with pytest.raises(PresignError, match="storage_refused: The store shows no ETag"):
        fake.client().upload(BytesIO(CONTENT), "reports", "b.csv", part_size=5)


def test_an_expired_url_is_signed_again() -> None:
    fake = Fake()
    fails(1, s3_error(403, "AccessDenied"), fake, "store.test")

    fake.client().delete("reports", "a.csv")

    assert fake.paths() == ["POST delete-urls"] * 2


def test_retries_are_random_within_a_growing_bound() -> None:
    assert Retries().random() < 1


def _meet_a_bad_certificate() -> NoReturn:
    raise ssl.SSLCertVerificationError("of another server")


def test_an_error_that_the_program_handles_makes_no_second_link() -> None:
    """It is the context of all errors that are raised meanwhile."""
    with (
        store_that(lambda connection, _: connection.end()) as service,
        Presign(service.url, TOKEN) as presign,
    ):
        try:
            _meet_a_bad_certificate()
        except ssl.SSLCertVerificationError:
            with pytest.raises(PresignError, match="presign ended the connection"):
                presign.link("reports", "a.csv")

    assert len(service.requests) == 1
