"""Diagnoses over HTTP: what they find and for whom, the audit line, and what is not revealed."""

import json
import time
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import pytest

from tests.api.diagnosing import FORBIDDEN, MISMATCH, OTHER, PATH, Desk, a_desk, grants
from tests.api.refusals import pointers
from tests.support.app import ADDRESS, app_of, make_app_settings, run_app
from tests.support.scrapes import samples, value


async def test_a_signed_request_is_diagnosed_with_proof(desk: Desk) -> None:
    answer = await desk.ask(await desk.url(), "PUT", headers={}, **MISMATCH)
    [finding] = answer.json()["findings"]
    assert finding == {
        "code": "method_changed",
        "proven": True,
        "summary": "The URL is signed for GET, but was sent as PUT.",
        "fix": "Send it as GET: `curl '<url>'`",
    }


async def test_a_request_that_works_has_no_findings(desk: Desk) -> None:
    assert await desk.codes(await desk.url()) == []
    assert await desk.codes(await desk.url("head-urls"), "HEAD", headers={}) == []


async def test_a_method_need_not_be_reported(desk: Desk) -> None:
    answer = await desk.client.post(PATH, json={"url": await desk.url("head-urls"), **MISMATCH})
    [finding] = answer.json()["findings"]
    assert (finding["code"], finding["proven"]) == ("changed_underway", True)
    assert "if it was sent as HEAD" in finding["summary"]
    assert desk.line["operation"] == "download"  # the likeliest for a URL that signs no body


async def test_lists_and_forms_are_diagnosed(desk: Desk) -> None:
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
async def test_another_key_is_forbidden_with_the_usual_detail(
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
async def test_another_bucket_is_forbidden_whether_it_exists_or_not(desk: Desk, url: str) -> None:
    assert await desk.refusal(url) == FORBIDDEN
    assert await desk.refusal(url, "POST", **MISMATCH) == FORBIDDEN


async def test_a_bucket_is_recognised_at_other_aws_hosts(desk: Desk) -> None:
    url = await desk.url()
    for host in ("demo.s3.amazonaws.com", "demo.s3-eu-west-1.amazonaws.com"):
        assert await desk.codes(url.replace(ADDRESS.host, host), **MISMATCH) == ["host_changed"]
    path_style = url.replace(f"{ADDRESS.host}/", "s3.amazonaws.com/demo/")
    assert "host_changed" in await desk.codes(path_style, **MISMATCH)
    closed = url.replace(ADDRESS.host, "closed.s3.amazonaws.com")
    assert await desk.refusal(closed) == FORBIDDEN


async def test_an_unknown_host_needs_a_session_of_the_caller(desk: Desk) -> None:
    through_a_proxy = (await desk.url()).replace(ADDRESS.host, "cdn.example")
    assert await desk.codes(through_a_proxy, **MISMATCH) == ["host_changed"]
    assert await desk.refusal(through_a_proxy, key=OTHER) == FORBIDDEN
    assert await desk.refusal(through_a_proxy.replace("/a/", "/c/")) == FORBIDDEN


async def test_the_session_of_another_caller_looks_unknown(desk: Desk) -> None:
    url = await desk.url()  # of a key that both may have signed
    assert await desk.codes(url, "PUT", headers={}, **MISMATCH) == ["method_changed"]
    of_another = await desk.ask(url, "PUT", OTHER, headers={}, **MISMATCH)
    unknown = url.replace("ASIAEXAMPLE", "ASIANOBODY")
    of_nobody = await desk.ask(unknown, "PUT", OTHER, headers={}, **MISMATCH)
    assert of_another.json() == of_nobody.json()
    codes = [finding["code"] for finding in of_another.json()["findings"]]
    assert codes == ["method_changed", "signature_mismatch", "signed_elsewhere"]
    assert not any(finding["proven"] for finding in of_another.json()["findings"][:2])


async def test_a_shared_session_serves_all_its_callers() -> None:
    buckets = {"demo": {"region": "eu-west-1", "credentials": "static"}}
    async with a_desk(grants("a/"), buckets=buckets) as desk:
        url = await desk.url()
        assert await desk.codes(url, "PUT", OTHER, headers={}) == ["method_changed"]


@pytest.mark.parametrize("allow", ["download", "upload", "head", "delete"])
async def test_any_operation_on_the_object_allows_a_diagnosis(allow: str) -> None:
    async with a_desk(grants("a/", allow)) as desk:
        url = "https://demo.s3.example/a/b?X-Amz-Credential=A&X-Amz-Signature=B"
        for method in ("GET", "PUT", "HEAD", "DELETE", "PATCH"):
            assert (await desk.codes(url, method))[0] == "url_truncated"
        listing = "https://demo.s3.example/?list-type=2&prefix=a/&X-Amz-Signature=B"
        assert await desk.refusal(listing) == FORBIDDEN
        assert await desk.refusal(f"{url}&uploadId=u", "PUT") == FORBIDDEN
        assert await desk.refusal("https://demo.s3.example/", "POST") == FORBIDDEN


async def test_limits_of_a_grant_do_not_forbid_a_diagnosis() -> None:
    async with a_desk({**grants("a/", "download"), "max_expires_in": 60}) as desk:
        url = "https://demo.s3.example/a/b?versionId=v&X-Amz-Expires=900&X-Amz-Signature=B"
        assert (await desk.codes(url))[0] == "url_truncated"


SHARED: Final = {
    "region": "eu-west-1",
    "role_arn": "arn:aws:iam::111122223333:role/presign",
    "scoped_sessions": False,
}


async def test_the_audit_line_has_the_request_but_not_its_url(desk: Desk) -> None:
    url = await desk.url()
    await desk.ask(url, "PUT", **MISMATCH)
    line = desk.line
    assert (line["decision"], line["operation"]) == ("allowed", "upload")
    assert line["action"] == "DiagnoseRequest"
    assert (line["bucket"], line["s3_bucket"], line["keys"]) == ("demo", "demo", ["a/b"])
    assert "access_key_id" not in line
    assert "expires_in" not in line
    desk.audit_trail.clear()
    await desk.ask(url.replace("/a/b", "/c"), "GET")
    assert (desk.line["decision"], desk.line["reason"]) == ("denied", "forbidden")
    assert desk.line["keys"] == ["c"]
    desk.audit_trail.clear()
    await desk.ask("https://elsewhere.example/secret")
    assert (desk.line["decision"], desk.line["bucket"], desk.line["keys"]) == ("denied", "", [""])


@pytest.mark.parametrize("mark", ["%3F", "%253F", ";", "%26", "/", "?prefix="])
async def test_a_signature_pasted_into_the_key_is_not_audited(desk: Desk, mark: str) -> None:
    await desk.ask((await desk.url()).replace("?", mark))
    assert desk.line["keys"][0][:3] == "a/b"
    assert "ASIA" not in json.dumps(desk.line)


@pytest.mark.parametrize(
    "query",
    [
        "Signature=vjbyPxybdZaNmGa&Expires=1&AWSAccessKeyId=AKIA",
        "Policy=vjbyPxybdZaNmGa&Signature=vjbyPxybdZaNmGa&Key-Pair-Id=K",
        "X%252DAmz%252DSignature=vjbyPxybdZaNmGa",
        "X-Goog-Signature=vjbyPxybdZaNmGa",
        "sv=2026-02-06&sp=r&sig=vjbyPxybdZaNmGa",
        "sv=2026-02-06%2526sig%253DvjbyPxybdZaNmGa",
        "Expires=1%26amp;Signature=vjbyPxybdZaNmGa",
        "Expires=1;Signature=vjbyPxybdZaNmGa",
    ],
)
async def test_signatures_of_other_kinds_are_not_audited(desk: Desk, query: str) -> None:
    await desk.ask(f"https://demo.s3.example/a/b%3F{query}")
    assert desk.line["keys"][0].startswith("a/b")
    assert "vjbyPxybdZaNmGa" not in str(desk.line)


async def test_a_diagnosis_counts_once_and_never_as_signed(desk: Desk) -> None:
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
    audit_trail: list[bytes] = []
    limited = make_app_settings(grants("a/"), rate_limit="2/minute")
    async with run_app(limited, audit=audit_trail.extend) as client:
        desk = Desk(client, audit_trail)
        url = await desk.url()
        assert await desk.codes(url) == []
        answer = await desk.ask(url)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert "retry-after" in answer.headers
        assert json.loads(audit_trail[-1])["reason"] == "rate_limited"


async def test_a_diagnosis_starts_no_session(desk: Desk) -> None:
    """Who has had nothing signed has none, and gets none for asking."""
    url = "https://demo.s3.example/a/b?X-Amz-Credential=A%2Fb&X-Amz-Signature=B"
    before = value(await samples(desk.client), "sessions", bucket="demo")
    await desk.ask(url)
    assert value(await samples(desk.client), "sessions", bucket="demo") == before


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"method": ""}, "#/method"),
        ({"headers": {"a": 5}}, "#/headers/a"),
        ({"headers": {str(number): "" for number in range(65)}}, "#/headers"),
        ({"headers": {"a": "b" * 8192}}, "#/headers"),
        ({"bucket": "demo"}, "#/bucket"),
    ],
    ids=lambda each: str(each)[:40],
)
async def test_an_invalid_diagnosis_is_refused_with_its_pointer(
    desk: Desk, change: dict[str, Any], pointer: str
) -> None:
    body = {"method": "GET", "url": "https://demo.s3.example/a/b", **change}
    assert pointers(await desk.client.post(PATH, json=body)) == [pointer]
    assert desk.audit_trail == []


async def test_an_ended_session_is_still_recognised(desk: Desk) -> None:
    url = await desk.url()
    history = app_of(desk.client).parts.diagnoses._history
    [key] = [key for key in history._sessions if key[2] is not None]
    session, _ = history._sessions[key]
    history.remember(key[1], key[2], replace(session, expires_at=time.time() - 5))
    assert (await desk.codes(url, **MISMATCH))[-1] == "session_ended"


def canonical(url: str) -> str:
    parts = urlsplit(url)
    query = parts.query.partition("&X-Amz-Signature")[0]
    text = f"GET\n{parts.path}\n{query}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    return f"<Error><Code>SignatureDoesNotMatch</Code><CanonicalRequest>{escape(text)}</CanonicalRequest></Error>"


async def test_a_pasted_canonical_request_of_another_key_proves_nothing() -> None:
    """Callers may share a session; whether a signature is of a key is for those who may sign for it."""
    async with a_desk(grants("a/"), buckets={"demo": SHARED}) as desk:
        url = await desk.url(key="a/secret")
        answers = []
        for theirs in (url, url[:-1] + ("0" if url[-1] != "0" else "1")):
            told = {"headers": {}, "response_status": 403, "response_body": canonical(theirs)}
            own = theirs.replace("/a/secret?", "/b/x?")
            answers.append((await desk.ask(own, "GET", OTHER, **told)).text)
        assert answers[0] == answers[1]
