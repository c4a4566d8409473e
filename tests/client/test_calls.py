"""The library's calls of the service and of the store."""

import logging
from datetime import UTC, datetime

import httpx
import pytest

from presign_client import PresignError, Retries
from presign_client.settings import service_url, token_source
from tests.client.failing import fails
from tests.client.fake import SECRET, TOKEN, Fake, problem, s3_error


def refused(fake: Fake) -> PresignError:
    with pytest.raises(PresignError) as caught, fake.client() as client:
        client.download_url("reports", "a.csv")
    return caught.value


def test_a_download_url_has_method_url_and_end() -> None:
    signed = Fake().client().download_url("reports", "a.csv", expires_in=60)

    assert signed.method == "GET"
    assert signed.expires_at == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)
    assert SECRET in signed.url
    assert SECRET not in repr(signed)


def test_members_that_are_not_given_are_not_sent() -> None:
    fake = Fake()

    fake.client().upload_url("reports", "a.csv", 5, checksum=("SHA256", "abc="))

    assert fake.requests[0].content == (
        b'{"bucket":"reports","key":"a.csv","content_length":5,'
        b'"checksum":{"algorithm":"SHA256","value":"abc="}}'
    )


def test_whoami_ignores_unknown_fields() -> None:
    caller = Fake().client().whoami()

    assert (caller.subject, caller.issuer) == ("tests", None)
    assert caller.grants[0].allow == ("list",)
    assert caller.grants[0].max_keys == 9


def test_head_returns_size_type_and_metadata() -> None:
    fake = Fake()
    fake.put("a b.csv", b"12345")

    found = fake.client().head("reports", "a b.csv")

    assert (found.size, found.content_type) == (5, "text/csv")
    assert found.metadata == {"author": "ann"}


def test_a_missing_object_is_not_found() -> None:
    with pytest.raises(PresignError) as caught:
        Fake().client().head("reports", "a.csv")

    assert (caught.value.code, caught.value.status) == ("not_found", 404)
    assert caught.value.request_id is None


def test_delete_deletes_the_object() -> None:
    fake = Fake()
    fake.put("a.csv", b"")

    fake.client().delete("reports", "a.csv")

    assert fake.objects == {}


def test_a_listing_has_all_pages() -> None:
    fake = Fake(page_size=2)
    for number in range(5):
        fake.put(f"a/{number}", b"12345")

    entries = list(fake.client().list("reports", "a/"))

    assert [entry.key for entry in entries] == [f"a/{number}" for number in range(5)]
    assert entries[0].size == 5
    assert entries[0].last_modified == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_listing_has_one_level_unless_it_is_recursive() -> None:
    fake = Fake()
    for key in ("a", "b/c", "b/d"):
        fake.put(key, b"")

    level = list(fake.client().list("reports"))
    everything = list(fake.client().list("reports", recursive=True))

    assert [(each.key, each.is_prefix) for each in level] == [("a", False), ("b/", True)]
    assert [each.key for each in everything] == ["a", "b/c", "b/d"]


@pytest.mark.parametrize(
    "body",
    [b"", b"<a", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', b"\xff", b"<a><Contents/></a>"],
)
def test_a_listing_that_is_none_is_an_error(body: bytes) -> None:
    fake = Fake()
    fails(1, httpx.Response(200, content=body), fake, "store.test")

    with pytest.raises(PresignError, match="cannot be read"):
        list(fake.client().list("reports"))


def test_a_link_has_url_and_end() -> None:
    link = Fake().client().link("reports", "a.csv", expires_in=60)

    assert link.url == "https://presign.test/l/secret"
    assert "secret" not in repr(link)


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

    assert str(refused(fake)) == "unreachable: presign cannot be reached."
    assert len(fake.requests) == 2


@pytest.mark.parametrize("status", [200, 302, 404, 502])
def test_a_login_page_is_not_presign(status: int) -> None:
    fake = Fake()
    page = httpx.Response(status, headers={"content-type": "text/html"}, content="<h1>Sign in")
    fails(1, page, fake)

    error = refused(fake)

    assert (error.code, error.status) == ("not_presign", status)
    assert "Sign in" not in str(error)


@pytest.mark.parametrize("content", ["", "{", "[]", "5", '{"code": 5}'])
@pytest.mark.parametrize("kind", ["application/problem+json", "text/plain"])
def test_a_problem_that_is_none_is_not_presign(content: str, kind: str) -> None:
    fake = Fake()
    fails(1, httpx.Response(404, headers={"content-type": kind}, content=content), fake)

    assert refused(fake).code == "not_presign"


def test_an_answer_that_is_no_json_is_not_presign() -> None:
    fake = Fake()
    json = {"content-type": "application/json"}
    fails(1, httpx.Response(200, headers=json, content="{"), fake)

    assert refused(fake).code == "not_presign"


def test_a_wrong_token_is_not_shown() -> None:
    fake = Fake()
    fails(1, problem(401, "unauthenticated"), fake)

    assert TOKEN not in str(refused(fake))


@pytest.mark.parametrize("token", ["", " ", "tökén", "two words", "a\nb"])
def test_a_token_that_is_none_is_never_sent(token: str) -> None:
    with pytest.raises(PresignError, match="invalid_token"):
        token_source(lambda: token, None)()


@pytest.mark.parametrize(
    "url", ["presign.test", "ftp://a", "https://", "https://u@a", "https://a?b"]
)
def test_an_invalid_service_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        service_url(url)


def test_url_and_token_come_from_the_environment() -> None:
    environment = {"PRESIGN_URL": "https://a.test/presign/", "PRESIGN_TOKEN": "abc"}

    assert service_url(None, environment) == "https://a.test/presign"
    assert token_source(None, None, environment)() == "abc"


@pytest.mark.parametrize(
    "call", [lambda: service_url(None, {}), lambda: token_source(None, None, {})]
)
def test_a_missing_setting_is_named(call: object) -> None:
    with pytest.raises(ValueError, match="PRESIGN_"):
        call()  # type: ignore[operator]


def test_a_token_file_is_read_for_each_call(tmp_path: object) -> None:
    file = tmp_path / "token"  # type: ignore[operator]
    file.write_text("one\n")
    token = token_source(None, file)

    assert token() == "one"
    file.write_text("two\n")
    assert token() == "two"


def test_the_store_never_gets_the_token() -> None:
    fake = Fake()
    fake.put("a.csv", b"")

    fake.client().head("reports", "a.csv")

    assert "authorization" not in fake.sent_to_the_store("HEAD")[0].headers


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


def test_an_expired_url_is_signed_again() -> None:
    fake = Fake()
    fails(1, s3_error(403, "AccessDenied"), fake, "store.test")

    fake.client().delete("reports", "a.csv")

    assert fake.paths() == ["POST delete-urls"] * 2


def test_no_log_has_a_signed_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake = Fake()

    fake.client().delete("reports", "a.csv")

    assert "store.test" in caplog.text
    assert "X-Amz" not in caplog.text


def test_retries_are_random_within_a_growing_bound() -> None:
    assert Retries().random() < 1
