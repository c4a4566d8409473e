"""Diagnoses over HTTP: the audit line, metrics, invalid requests, and what is not revealed."""

import json
import time
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import pytest

from tests.api.diagnosing import MISMATCH, OTHER, PATH, Desk, a_desk, grants
from tests.api.refusals import pointers
from tests.support.app import app_of, make_app_settings, run_app
from tests.support.scrapes import samples, value

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
    history = app_of(desk.client).state.diagnoses._history
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
