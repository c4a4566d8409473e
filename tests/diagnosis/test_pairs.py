"""Two things changed at once: both are proven, of each two kinds that come together."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Final

import pytest

from service.diagnosis.findings import Code
from service.diagnosis.request import ReportedRequest
from service.signing.actions import PutObject
from tests.diagnosis.helpers import (
    ADDRESS,
    CREDENTIALS,
    KNOWN,
    MISMATCH,
    SESSION,
    UPLOAD,
    found,
    refused,
    signed,
    told,
    upload,
)

Edit = Callable[[ReportedRequest], ReportedRequest]
REFUSAL: Final = {"status": 403, "body": MISMATCH}


def header(name: str, value: str) -> Edit:
    return lambda asked: replace(asked, headers={**(asked.headers or {}), name: value})


def url(old: str, new: str) -> Edit:
    return lambda asked: replace(asked, url=asked.url.replace(old, new))


CHANGES: Final[dict[Code, Edit]] = {
    Code.METHOD_CHANGED: lambda asked: replace(asked, method="POST"),
    Code.HOST_CHANGED: url(ADDRESS.host, "acme-reports.s3.amazonaws.com"),
    Code.KEY_REENCODED: url("a%20b", "a+b"),
    Code.QUERY_CHANGED: lambda asked: replace(asked, url=f"{asked.url}&utm_source=mail"),
    Code.CONTENT_TYPE_CHANGED: header("content-type", "text/plain; charset=utf-8"),
    Code.CONTENT_LENGTH_CHANGED: header("content-length", "6"),
}
PAIRS: Final = list(combinations(CHANGES, 2))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_likely_changes_at_once_are_both_proven(one: Code, other: Code) -> None:
    asked = refused(CHANGES[other](CHANGES[one](upload())), REFUSAL)
    findings = found(asked)
    assert {each.code for each in findings} == {one, other}
    assert all(each.proven for each in findings)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_long_token_and_key_hide_no_pair(one: Code, other: Code) -> None:
    credentials = replace(CREDENTIALS, session_token="IQoJb3Jp+/=" * 130)
    known = replace(KNOWN, session=replace(SESSION, credentials=credentials))
    address = signed(UPLOAD, f"invoices/{'x' * 200}/a b.txt", credentials=credentials)
    asked = told(address, "PUT", headers=UPLOAD.headers())
    findings = found(refused(CHANGES[other](CHANGES[one](asked)), REFUSAL), known)
    assert {each.code for each in findings} == {one, other}


def test_a_form_of_curl_in_place_of_an_upload_is_proven() -> None:
    """`curl -d` sends a POST, and a type of its own."""
    asked = upload(PutObject(content_length=5, content_type="image/png"))
    changed = header("content-type", "application/x-www-form-urlencoded")(asked)
    findings = found(refused(replace(changed, method="POST"), REFUSAL))
    assert {each.code for each in findings} == {Code.METHOD_CHANGED, Code.CONTENT_TYPE_CHANGED}


def test_three_changes_at_once_are_not_guessed() -> None:
    asked = upload()
    for code in (Code.METHOD_CHANGED, Code.CONTENT_TYPE_CHANGED, Code.CONTENT_LENGTH_CHANGED):
        asked = CHANGES[code](asked)
    (finding,) = found(refused(asked, REFUSAL))
    assert finding.code is Code.SIGNATURE_MISMATCH
    assert "alone or in pairs" in finding.summary
