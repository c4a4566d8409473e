"""`/v1/diagnoses` from the wire: whom it answers, what it writes down, and what it never says."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest

from service.access.api_keys import digest_of
from service.signing.signer import Address
from tests.api.conftest import (
    ADDRESS,
    API_KEY,
    SECRET,
    TOKEN,
    open_grant,
    running,
    settings_with,
)
from tests.scrapes import samples, value

PATH: Final = "/v1/diagnoses"
OTHER: Final = "battery-staple"
MISMATCH: Final[dict[str, Any]] = {
    "response_status": 403,
    "response_body": "<Error><Code>SignatureDoesNotMatch</Code></Error>",
}
FORBIDDEN: Final = "No grant of yours covers this bucket, key and operation."


class Desk:
    """The app of a caller with some grants, and of another with others."""

    def __init__(self, client: httpx.AsyncClient, trail: list[bytes]) -> None:
        self.client = client
        self.trail = trail

    async def url(self, path: str = "download-urls", **body: Any) -> str:
        answer = await self.client.post(
            f"/v1/{path}", json={"bucket": "demo", "key": "a/b", **body}
        )
        assert answer.status_code == 200, answer.text
        url: str = answer.json()["url"]
        self.trail.clear()
        return url

    async def ask(
        self, url: str, method: str = "GET", key: str = API_KEY, **more: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        body = {"method": method, "url": url, **more}
        answer = await self.client.post(PATH, json=body, headers=headers)
        signature = url.partition("X-Amz-Signature=")[2]
        secrets = [SECRET, TOKEN, quote(TOKEN, safe=""), *([signature] if signature[16:] else [])]
        for secret in secrets:
            for shown in (answer.text, *(line.decode() for line in self.trail)):
                assert secret not in shown
        return answer

    async def codes(
        self, url: str, method: str = "GET", key: str = API_KEY, **more: Any
    ) -> list[str]:
        answer = await self.ask(url, method, key, **more)
        assert answer.status_code == 200, answer.text
        return [finding["code"] for finding in answer.json()["findings"]]

    async def refusal(self, url: str, method: str = "GET", key: str = API_KEY, **more: Any) -> str:
        answer = await self.ask(url, method, key, **more)
        assert answer.status_code == 403, answer.text
        detail: str = answer.json()["detail"]
        return detail

    @property
    def line(self) -> dict[str, Any]:
        [line] = self.trail
        told: dict[str, Any] = json.loads(line)
        return told


def grants(prefix: str = "", *allow: str) -> dict[str, Any]:
    return open_grant(prefix=prefix, **({"allow": list(allow)} if allow else {}))


@asynccontextmanager
async def a_desk(*given: dict[str, Any], **more: Any) -> AsyncIterator[Desk]:
    trail: list[bytes] = []
    settings = settings_with(*given, **more)
    other = {
        "api_key": "other",
        "sha256": [digest_of(OTHER)],
        "grants": [grants("b/"), grants("a/b")],
    }
    known = [each.model_dump(exclude_none=True) for each in settings.callers]
    data = settings.model_dump(exclude_none=True) | {"callers": [*known, other]}
    elsewhere = replace(
        ADDRESS,
        host="closed.s3.example",
        inner=Address(
            scheme="http", host="inner.example", path_prefix="/closed/", region="eu-west-1"
        ),
    )
    addresses = {"demo": ADDRESS, "closed": elsewhere}
    settings = type(settings).model_validate(data)
    async with running(settings, audit=trail.extend, addresses=addresses) as client:
        yield Desk(client, trail)


@pytest.fixture(name="desk")
async def _desk() -> AsyncIterator[Desk]:
    async with a_desk(grants("a/")) as desk:
        yield desk


async def test_what_a_caller_had_signed_is_explained_with_proof(desk: Desk) -> None:
    answer = await desk.ask(await desk.url(), "PUT", headers={}, **MISMATCH)
    [finding] = answer.json()["findings"]
    assert finding == {
        "code": "method_changed",
        "proven": True,
        "summary": "The URL is signed for GET, and was sent as PUT.",
        "fix": "Send it as GET: `curl '<url>'`",
    }


async def test_a_request_that_works_has_no_findings(desk: Desk) -> None:
    assert await desk.codes(await desk.url()) == []
    assert await desk.codes(await desk.url("head-urls"), "HEAD", headers={}) == []


async def test_a_list_and_a_part_and_a_form_are_answered_too(desk: Desk) -> None:
    answer = await desk.client.post("/v1/list-urls", json={"bucket": "demo", "prefix": "a/"})
    assert await desk.codes(answer.json()["url"]) == []
    form = {"bucket": "demo", "key_prefix": "a/", "max_content_length": 5}
    answer = await desk.client.post("/v1/upload-forms", json=form)
    large: dict[str, Any] = {
        "response_status": 400,
        "response_body": "<Error><Code>EntityTooLarge</Code></Error>",
    }
    assert await desk.codes(answer.json()["url"], "POST", **large) == ["too_large"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/b/c"),
        ("GET", "/ab"),
        ("PUT", "/a"),
        ("GET", "/?list-type=2&prefix="),
        ("GET", "/?list-type=2&prefix=b/"),
        ("GET", "/"),
        ("PUT", "/b/c?uploadId=u&partNumber=1"),
    ],
)
async def test_another_key_is_forbidden_in_the_same_words_as_ever(
    desk: Desk, method: str, path: str
) -> None:
    mark = "&" if "?" in path else "?"
    url = f"https://demo.s3.example{path}{mark}X-Amz-Credential=A&X-Amz-Signature=B"
    assert await desk.refusal(url, method) == FORBIDDEN


@pytest.mark.parametrize(
    "url",
    [
        "https://closed.s3.example/a/b?X-Amz-Signature=B",
        "http://inner.example/closed/a/b?X-Amz-Signature=B",
        "https://elsewhere.example/a/b?X-Amz-Credential=A&X-Amz-Signature=B",
        "https://acme.s3.amazonaws.com/a/b?X-Amz-Credential=A&X-Amz-Signature=B",
        "https://s3.amazonaws.com/acme/a/b?X-Amz-Credential=A&X-Amz-Signature=B",
        "https://[::1/a/b",
        "nothing at all",
        "?",
        "\x00",
    ],
)
async def test_another_bucket_is_forbidden_whether_there_is_one_or_not(
    desk: Desk, url: str
) -> None:
    assert await desk.refusal(url) == FORBIDDEN
    assert await desk.refusal(url, "POST", **MISMATCH) == FORBIDDEN


async def test_a_bucket_at_one_of_awss_other_hosts_is_known_by_its_name(desk: Desk) -> None:
    url = await desk.url()
    for host in ("demo.s3.amazonaws.com", "demo.s3-eu-west-1.amazonaws.com"):
        assert await desk.codes(url.replace(ADDRESS.host, host), **MISMATCH) == ["host_changed"]
    path_style = url.replace(f"{ADDRESS.host}/", "s3.amazonaws.com/demo/")
    assert "host_changed" in await desk.codes(path_style, **MISMATCH)
    closed = url.replace(ADDRESS.host, "closed.s3.amazonaws.com")
    assert await desk.refusal(closed) == FORBIDDEN


async def test_a_host_of_nobodys_is_known_by_the_callers_own_session_alone(desk: Desk) -> None:
    through_a_proxy = (await desk.url()).replace(ADDRESS.host, "cdn.example")
    assert await desk.codes(through_a_proxy, **MISMATCH) == ["host_changed"]
    assert await desk.refusal(through_a_proxy, key=OTHER) == FORBIDDEN
    assert await desk.refusal(through_a_proxy.replace("/a/", "/c/")) == FORBIDDEN


async def test_the_session_of_another_is_as_if_there_were_none(desk: Desk) -> None:
    url = await desk.url()  # of a key that both may have signed
    assert await desk.codes(url, "PUT", headers={}, **MISMATCH) == ["method_changed"]
    of_another = await desk.ask(url, "PUT", OTHER, headers={}, **MISMATCH)
    of_nobody = await desk.ask(
        url.replace("ASIAEXAMPLE", "ASIANOBODY"), "PUT", OTHER, headers={}, **MISMATCH
    )
    assert of_another.json() == of_nobody.json()
    assert [f["code"] for f in of_another.json()["findings"]] == [
        "signature_mismatch",
        "signed_elsewhere",
    ]


async def test_one_session_for_all_explains_to_all_who_may_use_it() -> None:
    buckets = {"demo": {"region": "eu-west-1", "credentials": "static"}}
    async with a_desk(grants("a/"), buckets=buckets) as desk:
        url = await desk.url()
        assert await desk.codes(url, "PUT", OTHER, headers={}) == ["method_changed"]


@pytest.mark.parametrize("allow", ["download", "upload", "head", "delete"])
async def test_any_operation_on_the_object_will_do_since_the_method_may_be_the_fault(
    allow: str,
) -> None:
    async with a_desk(grants("a/", allow)) as desk:
        url = "https://demo.s3.example/a/b?X-Amz-Credential=A&X-Amz-Signature=B"
        for method in ("GET", "PUT", "HEAD", "DELETE", "PATCH"):
            assert (await desk.codes(url, method))[0] == "url_truncated"
        listing = "https://demo.s3.example/?list-type=2&prefix=a/&X-Amz-Signature=B"
        assert await desk.refusal(listing) == FORBIDDEN
        assert await desk.refusal(f"{url}&uploadId=u", "PUT") == FORBIDDEN
        assert await desk.refusal("https://demo.s3.example/", "POST") == FORBIDDEN


async def test_a_limit_of_a_grant_is_no_reason_to_refuse() -> None:
    async with a_desk({**grants("a/", "download"), "max_expires_in": 60}) as desk:
        url = "https://demo.s3.example/a/b?versionId=v&X-Amz-Expires=900&X-Amz-Signature=B"
        assert (await desk.codes(url))[0] == "url_truncated"


async def test_the_trail_says_what_was_asked_about_and_nothing_of_its_url(desk: Desk) -> None:
    url = await desk.url()
    await desk.ask(url, "PUT", **MISMATCH)
    line = desk.line
    assert (line["decision"], line["operation"], line["action"]) == (
        "allowed",
        "upload",
        "DiagnoseRequest",
    )
    assert (line["bucket"], line["s3_bucket"], line["keys"]) == ("demo", "demo", ["a/b"])
    assert "access_key_id" not in line
    assert "expires_in" not in line
    desk.trail.clear()
    await desk.ask(url.replace("/a/b", "/c"), "GET")
    assert (desk.line["decision"], desk.line["reason"]) == ("denied", "forbidden")
    assert desk.line["keys"] == ["c"]
    desk.trail.clear()
    await desk.ask("https://elsewhere.example/secret")
    assert (desk.line["decision"], desk.line["bucket"], desk.line["keys"]) == ("denied", "", [""])


@pytest.mark.parametrize("mark", ["%3F", "%253F", ";", "%26", "/", "?prefix="])
async def test_a_signature_that_was_pasted_into_the_key_is_not_written_down(
    desk: Desk, mark: str
) -> None:
    await desk.ask((await desk.url()).replace("?", mark))
    assert desk.line["keys"][0][:3] == "a/b"
    assert "ASIA" not in json.dumps(desk.line)


async def test_each_counts_once_and_what_is_asked_about_counts_nothing(desk: Desk) -> None:
    url = await desk.url()
    before = value(await samples(desk.client), "signed_total", operation="download", bucket="demo")
    await desk.ask(url, "PUT", headers={})
    await desk.ask(url)
    await desk.ask("https://elsewhere.example/")
    after = await samples(desk.client)
    assert value(after, "diagnoses_total", finding="method_changed") == 1
    assert value(after, "diagnoses_total", finding="none") == 1
    assert value(after, "refused_total", code="forbidden") == 1
    assert value(after, "signed_total", operation="download", bucket="demo") == before


async def test_a_diagnosis_counts_as_one_url_against_the_rate() -> None:
    settings = settings_with(grants("a/"))
    caller = settings.callers[0].model_copy(update={"rate_limit": "2/minute"})
    trail: list[bytes] = []
    limited = settings.model_copy(update={"callers": [caller]})
    async with running(limited, audit=trail.extend) as client:
        desk = Desk(client, trail)
        url = await desk.url()
        assert await desk.codes(url) == []
        answer = await desk.ask(url)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert "retry-after" in answer.headers
        assert json.loads(trail[-1])["reason"] == "rate_limited"


async def test_it_starts_no_session(desk: Desk) -> None:
    """Who has had nothing signed has none, and gets none for asking."""
    url = "https://demo.s3.example/a/b?X-Amz-Credential=A%2Fb&X-Amz-Signature=B"
    before = value(await samples(desk.client), "sessions", bucket="demo")
    await desk.ask(url)
    assert value(await samples(desk.client), "sessions", bucket="demo") == before


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"method": ""}, "#/method"),
        ({"method": "G" * 17}, "#/method"),
        ({"url": ""}, "#/url"),
        ({"url": "a" * 16_385}, "#/url"),
        ({"headers": {"a": 5}}, "#/headers/a"),
        ({"headers": {str(number): "" for number in range(65)}}, "#/headers"),
        ({"headers": {"a": "b" * 8192}}, "#/headers"),
        ({"headers": None}, "#/headers"),
        ({"response_status": 99}, "#/response_status"),
        ({"response_status": "403"}, "#/response_status"),
        ({"response_body": "a" * 32_769}, "#/response_body"),
        ({"bucket": "demo"}, "#/bucket"),
    ],
    ids=lambda each: str(each)[:40],
)
async def test_what_is_no_such_request_is_refused_with_its_place(
    desk: Desk, change: dict[str, Any], pointer: str
) -> None:
    body = {"method": "GET", "url": "https://demo.s3.example/a/b", **change}
    answer = await desk.client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert desk.trail == []


async def test_a_body_over_64_kib_is_not_taken(desk: Desk) -> None:
    answer = await desk.client.post(PATH, content=b" " * 65_537)
    assert answer.status_code == 413


async def test_only_who_is_known_is_answered(desk: Desk) -> None:
    answer = await desk.ask(await desk.url(), key="nobody")
    assert answer.status_code == 401


async def test_a_session_that_ended_is_known_though_another_signs_now(desk: Desk) -> None:
    url = await desk.url()
    app: Any = desk.client._transport
    history = app.app.state.diagnoses._history
    [key] = [key for key in history._sessions if key[2] is not None]
    session = history._sessions[key]
    history._sessions[key] = replace(session, expires_at=time.time() - 5)
    assert (await desk.codes(url, **MISMATCH))[-1] == "session_ended"
