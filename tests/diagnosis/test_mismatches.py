"""Signatures that do not match: two changes at once, what cannot be proven, and SigV2."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Final
from urllib.parse import urlsplit

import pytest

from service.diagnosis.diagnose import Context
from service.diagnosis.differences import curl
from service.diagnosis.findings import Code, Finding
from service.diagnosis.request import ReportedRequest, parse_request
from service.signing.actions import GetObject, PutObject
from tests.diagnosis.reports import (
    ADDRESS,
    CREDENTIALS,
    KNOWN,
    OFFLINE,
    SESSION,
    STRANGER,
    TOKEN,
    UPLOAD,
    canonical,
    codes,
    diagnosed,
    error,
    first,
    mismatched,
    report,
    signed,
    upload,
    with_response,
)

Edit = Callable[[ReportedRequest], ReportedRequest]
METADATA: Final = PutObject(
    content_length=5, metadata=(("author", "Ann"), ("team", "x")), tags=(("a", "b"),)
)


def header(name: str, value: str) -> Edit:
    return lambda reported: replace(reported, headers={**(reported.headers or {}), name: value})


def url(old: str, new: str) -> Edit:
    return lambda reported: replace(reported, url=reported.url.replace(old, new))


CHANGES: Final[dict[Code, Edit]] = {
    Code.METHOD_CHANGED: lambda reported: replace(reported, method="POST"),
    Code.HOST_CHANGED: url(ADDRESS.host, "acme-reports.s3.amazonaws.com"),
    Code.KEY_REENCODED: url("a%20b", "a+b"),
    Code.QUERY_CHANGED: lambda reported: replace(reported, url=f"{reported.url}&utm_source=mail"),
    Code.CONTENT_TYPE_CHANGED: header("content-type", "text/plain; charset=utf-8"),
    Code.CONTENT_LENGTH_CHANGED: header("content-length", "6"),
}
PAIRS: Final = list(combinations(CHANGES, 2))


def changed(reported: ReportedRequest, *changes: Code) -> ReportedRequest:
    for code in changes:
        reported = CHANGES[code](reported)
    return mismatched(reported)


@pytest.mark.parametrize("long", [0, 1], ids=["usual", "long token and key"])
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_two_likely_changes_are_both_proven(pair: tuple[Code, Code], long: int) -> None:
    token = TOKEN + "IQoJb3Jp+/=" * 130 * long
    credentials = replace(CREDENTIALS, session_token=token)
    context = replace(KNOWN, session=replace(SESSION, credentials=credentials))
    url = signed(UPLOAD, f"invoices/{'x' * 200 * long}a b.txt", credentials=credentials)
    sent = report(url, "PUT", headers=UPLOAD.headers())
    findings = diagnosed(changed(sent, *pair), context)
    assert {(finding.code, finding.proven) for finding in findings} == {(c, True) for c in pair}


def test_curl_with_form_data_instead_of_an_upload_is_proven() -> None:
    """`curl -d` sends a POST and its own content type."""
    reported = upload(PutObject(content_length=5, content_type="image/png"))
    sent = header("content-type", "application/x-www-form-urlencoded")(reported)
    expected = {Code.METHOD_CHANGED, Code.CONTENT_TYPE_CHANGED}
    assert set(codes(changed(sent, Code.METHOD_CHANGED))) == expected


def test_three_changes_at_once_are_not_found() -> None:
    changes = (Code.METHOD_CHANGED, Code.CONTENT_TYPE_CHANGED, Code.CONTENT_LENGTH_CHANGED)
    assert codes(changed(upload(), *changes)) == [Code.SIGNATURE_MISMATCH]


def unproven(context: Context, action: PutObject, **changes: str | None) -> Finding:
    findings = diagnosed(mismatched(upload(action, **changes)), context)
    (finding,) = (each for each in findings if each.code is Code.SIGNATURE_MISMATCH)
    return finding


@pytest.mark.parametrize("context", [KNOWN, STRANGER, OFFLINE])
@pytest.mark.parametrize("content_length", ["5", None])
def test_the_summary_names_signed_metadata_first(
    context: Context, content_length: str | None
) -> None:
    changes = {"x_amz_meta_author": "Bob", "content_length": content_length}
    summary = unproven(context, METADATA, **changes).summary
    assert "of a header may differ: `x-amz-meta-author`, `x-amz-meta-team`, `" in summary
    assert "if-none-match" not in summary  # it is `*`, and cannot be another
    assert not {"Ann", "Bob"} & set(re.findall(r"\w+", summary))


@pytest.mark.parametrize("context", [KNOWN, STRANGER])
def test_few_header_names_are_shown_and_no_suspicious_ones(context: Context) -> None:
    secret = "a0wjalrxutnfemi-k7mdeng0bpxrficyexamplekey"
    pairs = ((secret, "a"), *((f"name{number}", "a") for number in range(10)))
    action = PutObject(content_length=5, metadata=pairs)
    summary = unproven(context, action, x_amz_meta_name1="b").summary
    assert summary.count("`x-amz-meta-") == 7
    assert "a header" in summary
    assert secret not in summary


@pytest.mark.parametrize("suffix", ["%0A", "%20"])
def test_a_url_with_a_suffix_is_not_called_right(suffix: str) -> None:
    found = codes(mismatched(report(signed() + suffix)))
    assert Code.CHANGED_UNDERWAY not in found
    assert found


def test_a_response_to_another_url_is_not_called_changed_underway() -> None:
    other = signed().replace("/invoices/a%20b.txt", "/invoices/other.txt")
    response = error("SignatureDoesNotMatch", CanonicalRequest=canonical(GetObject()))
    (finding,) = diagnosed(with_response(report(other), response))
    assert finding.code is Code.SIGNATURE_MISMATCH
    assert "The response is for another URL" in finding.summary


def test_a_curl_command_shows_only_values_that_we_sign() -> None:
    names = "cookie;content-type;host;x-amz-meta-origin;x-amz-security-token;x-api-key"
    parts = urlsplit(signed())
    with_names = parts._replace(query=f"{parts.query}&X-Amz-SignedHeaders={names}").geturl()
    headers = dict.fromkeys(["cookie", "x-amz-security-token", "x-api-key"], "hunter")
    headers |= {"content-type": "text/plain", "x-amz-meta-origin": "billing"}
    request = parse_request("PUT", with_names.replace("X-Amz-SignedHeaders=host&", ""), headers)
    command = curl(request)
    assert "hunter" not in command
    assert command.count("VALUE") == 3
    assert "-H 'content-type: text/plain'" in command
    assert "-H 'x-amz-meta-origin: billing'" in command


SIGV2: Final = f"{ADDRESS.origin}/a?AWSAccessKeyId=ASIAEXAMPLE&Signature=c2ln&Expires=1999999999"
SIGV2_TOKEN: Final = "&x-amz-security-token=IQoJb3Jp%2B"


@pytest.mark.parametrize("context", [KNOWN, STRANGER, OFFLINE])
@pytest.mark.parametrize(
    "sigv2",
    [
        pytest.param(SIGV2, id="plain"),
        pytest.param(SIGV2 + SIGV2_TOKEN, id="with a session token"),
        pytest.param(SIGV2.replace("Signature=c2ln&", "") + SIGV2_TOKEN, id="cut off too"),
        pytest.param(f"{SIGV2}{SIGV2_TOKEN}&x-amz-meta-a=b", id="with metadata in the query"),
        pytest.param(SIGV2.replace("AWSAccessKeyId", "awsaccesskeyid"), id="in lower case"),
    ],
)
def test_sigv2_is_the_only_finding(sigv2: str, context: Context) -> None:
    refusal = error("InvalidRequest", "Please use AWS4-HMAC-SHA256.")
    for response in ({}, refusal, {"status": 403}):
        (finding,) = diagnosed(with_response(report(sigv2), response), context)
        assert (finding.code, finding.proven) == (Code.SIGNATURE_V2, True)


def test_an_escaped_sigv2_url_has_both_findings() -> None:
    escaped = report((SIGV2 + SIGV2_TOKEN).replace("&", "&amp;"))
    assert codes(escaped) == [Code.URL_ESCAPED, Code.SIGNATURE_V2]


def test_a_sigv2_parameter_does_not_make_sigv4_sigv2() -> None:
    added = mismatched(report(f"{signed()}&AWSAccessKeyId=AKIA"))
    assert first(added) == (Code.QUERY_CHANGED, True)
    assert Code.SIGNATURE_V2 not in codes(report(signed()[:-10] + "&AWSAccessKeyId=AKIA"))
