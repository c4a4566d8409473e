"""What the store's response means, whatever was pasted as its body."""

import re
from dataclasses import replace
from typing import Final

import pytest

from service.diagnosis.diagnose import Context
from service.diagnosis.findings import Code
from service.diagnosis.request import ReportedRequest
from service.diagnosis.response import parse_amz_date, parse_response
from service.signing.actions import HeadObject, ListObjects
from tests.diagnosis.aws import WORDS, mismatch
from tests.diagnosis.reports import (
    ADDRESS,
    FORM,
    KNOWN,
    NOW,
    OFFLINE,
    STRANGER,
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

HEAD: Final = report(signed(HeadObject()), "HEAD")


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "<html><body>Log in</body></html>", "Error", "<Errors><Code>A</Code></Errors>"),
        *("<Error>", "<Error><Code>", "<Error></Error>", "<Error><Code/></Error>", '{"code": "A"}'),
        "<!DOCTYPE a [<!ENTITY b 'AccessDenied'>]><Error><Code>&b;</Code></Error>",
    ],
)
def test_a_body_without_an_error_has_no_code(text: str | None) -> None:
    assert parse_response(403, text).code is None
    assert parse_response(200, text).is_success
    assert not parse_response(None, text).is_success


@pytest.mark.parametrize(
    "text",
    [
        "<Error><Code>AccessDenied</Code></Error>",
        '<?xml version="1.0" encoding="UTF-16"?>\n<Error>\n <Code>\n AccessDenied </Code>\n</Error>',
        '<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>AccessDenied</Code></Error>',
        "HTTP/1.1 403 Forbidden\r\n\r\n<Error><Code>AccessDenied</Code></Error>\r\n",
        "This XML file has no style\n<Error><Code>AccessDenied</Code></Error> and more",
    ],
)
def test_an_error_is_found_whatever_surrounds_it(text: str) -> None:
    assert parse_response(403, text).code == "AccessDenied"
    assert not parse_response(200, text).is_success  # S3 may send an error with status 200


@pytest.mark.parametrize(
    "text", ["", "20260301", "20260301T120000", "20261301T120000Z", "2026-03-01T12:00:00Z", "५"]
)
def test_other_texts_are_no_amz_date(text: str) -> None:
    assert parse_amz_date(text) is None
    assert parse_amz_date("20260301T120000Z") == NOW


@pytest.mark.parametrize(
    ("status", "code", "proven"),
    [
        (404, Code.OBJECT_MISSING, False),
        (403, Code.ACCESS_DENIED, False),
        (307, Code.REDIRECTED, True),
        (412, Code.CONDITION_FAILED, True),
        (416, Code.RANGE_INVALID, True),
        (503, Code.STORE_BUSY, False),
    ],
)
def test_without_a_body_the_status_explains_a_failed_head(
    status: int, code: Code, proven: bool
) -> None:
    assert first(replace(HEAD, status=status)) == (code, proven)


def test_without_a_session_a_refused_head_has_no_known_cause() -> None:
    assert diagnosed(replace(HEAD, status=400)) == []
    for context in (STRANGER, OFFLINE):
        assert first(replace(HEAD, status=403), context) == (Code.STORE_REFUSED, False)


def test_errors_after_the_signature_check_rule_out_a_mismatch() -> None:
    changed = upload(content_type="a/b", x_amz_acl="private")
    assert first(with_response(changed, error("NoSuchBucket")))[0] is Code.CONTENT_TYPE_CHANGED
    assert codes(with_response(changed, error("EntityTooLarge"))) == [Code.TOO_LARGE]
    denied = with_response(changed, error("AccessDenied"))
    assert codes(denied) == [Code.HEADER_UNSIGNED, Code.ACCESS_DENIED]


@pytest.mark.parametrize(
    ("reported", "found"),
    [
        (report(signed()), [(Code.ACCESS_DENIED, True)]),
        (replace(report(signed()), method=None), [(Code.ACCESS_DENIED, True)]),
        (report(signed(), "PUT"), [(Code.METHOD_CHANGED, True), (Code.ACCESS_DENIED, False)]),
        (
            report(signed(UPLOAD), "GET", headers={}),
            [(Code.METHOD_CHANGED, False), (Code.ACCESS_DENIED, False)],
        ),
        (upload(content_type="a/b"), [(Code.ACCESS_DENIED, False)]),
    ],
)
def test_a_denial_does_not_prove_the_signature_of_another_request(
    reported: ReportedRequest, found: list[tuple[Code, bool]]
) -> None:
    """A store may ask its policies first: MiniStack 1.5.33 does."""
    findings = diagnosed(with_response(reported, error("AccessDenied")))
    assert [(finding.code, finding.proven) for finding in findings] == found


@pytest.mark.parametrize("context", [KNOWN, STRANGER, OFFLINE])
def test_an_invalid_range_is_the_only_finding(context: Context) -> None:
    ranged = report(signed(), headers={"Range": "bytes=9-"})
    response = error("InvalidRange") | {"status": 416}
    (finding,) = diagnosed(with_response(ranged, response), context)
    assert (finding.code, finding.proven) == (Code.RANGE_INVALID, True)


def test_findings_that_explain_the_error_come_first() -> None:
    late = replace(upload(content_type="a/b"), url=signed(UPLOAD, now=NOW - 7200))
    by_signature = [Code.CONTENT_TYPE_CHANGED, Code.EXPIRED]
    assert codes(mismatched(late)) == by_signature
    expired = with_response(late, error("AccessDenied", "Request has expired"))
    assert codes(expired) == codes(late) == by_signature[::-1]


def test_a_small_clock_difference_is_no_finding() -> None:
    assert diagnosed(report(signed(now=NOW + 80))) == []
    assert first(report(signed(now=NOW + 200))) == (Code.NOT_YET_VALID, False)


def test_a_url_expires_exactly_when_its_lifetime_ends() -> None:
    assert diagnosed(report(signed()), replace(KNOWN, now=NOW + 899.9)) == []
    assert codes(report(signed()), replace(KNOWN, now=NOW + 900.0)) == [Code.EXPIRED]


def reported(name: str) -> ReportedRequest:
    sent, response, _ = WORDS[name]
    return with_response(sent, response)


@pytest.mark.parametrize("context", [KNOWN, STRANGER, OFFLINE])
@pytest.mark.parametrize("name", WORDS)
def test_an_aws_error_leads_to_the_right_finding(name: str, context: Context) -> None:
    _, _, code = WORDS[name]
    assert first(reported(name), context)[0] is code


@pytest.mark.parametrize("name", WORDS)
def test_findings_repeat_no_identifiers_from_an_error(name: str) -> None:
    identifiers = "arn:|billing-3f2a9c0d1e4b|IQoJ|f0b5|Bearer|qqfilename|9a6f"
    for finding in diagnosed(reported(name)):
        assert re.findall(identifiers, finding.summary + finding.fix) == []


def test_times_are_compared_by_the_stores_clock() -> None:
    [expired], [early] = diagnosed(reported("expired")), diagnosed(reported("not yet valid"))
    assert "2026-03-01T10:15:00Z: 6342 s ago by the store's clock" in expired.summary
    assert "in 86400 s by the store's clock" in early.summary


def test_a_finding_names_the_first_differing_byte_and_line() -> None:
    changed = reported("a charset, by the canonical request")
    received = canonical(UPLOAD, content_type="text/plain;charset=UTF-8")
    place = f"at byte {received.index(';charset') + 1}, in the header content-type."
    [by_signature], [by_report] = diagnosed(changed), diagnosed(changed, OFFLINE)
    assert "signed for the type `text/plain`" in by_signature.summary
    assert "received a different request" in by_report.summary
    for finding in (by_signature, by_report):
        assert finding.summary.endswith(place)
        assert finding.proven


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("PUT\n", "POST\n", "the method"),
        ("/invoices", "/Invoices", "the path"),
        ("X-Amz-Expires=900", "X-Amz-Expires=901", "the query"),
        (f"host:{ADDRESS.host}", "host:proxy.example", "the header host"),
        ("if-none-match:*", "if-none-match:", "the header if-none-match"),
        ("\nUNSIGNED-PAYLOAD", "\ne3b0c44298fc", "the payload's hash"),
    ],
)
def test_each_line_of_the_canonical_request_is_named(old: str, new: str, line: str) -> None:
    text = canonical(UPLOAD)
    assert old in text
    response = mismatch(text.replace(old, new, 1))
    assert diagnosed(with_response(upload(), response), OFFLINE)[0].summary.endswith(f"in {line}.")


@pytest.mark.parametrize("context", [KNOWN, OFFLINE])
def test_a_canonical_request_shows_dot_segments_removed_underway(context: Context) -> None:
    dotted = report(signed(key="a/../b"))
    query = dotted.url.partition("?")[2].partition("&X-Amz-Signature")[0]
    received = f"GET\n/b\n{query}\nhost:{ADDRESS.host}\n\nhost\nUNSIGNED-PAYLOAD"
    assert first(with_response(dotted, mismatch(received)), context) == (Code.DOT_SEGMENTS, True)


@pytest.mark.parametrize(
    "text", ["", "GET", "GET\n/\n\nhost:a\nhost\nX\nY", "GET\n/\n\na:b\nc:d\ne:f\n\n"]
)
def test_a_malformed_canonical_request_is_ignored(text: str) -> None:
    changed = upload(content_type="text/plain; charset=utf-8")
    assert first(with_response(changed, mismatch(text)))[0] is Code.CONTENT_TYPE_CHANGED


def test_an_unreadable_signature_is_malformed_without_visible_cause() -> None:
    response = error("AuthorizationQueryParametersError", "Query-string authentication …")
    assert first(with_response(report(signed()), response)) == (Code.QUERY_MALFORMED, True)


def test_a_store_that_sees_no_sigv4_is_believed() -> None:
    _, response, _ = WORDS["SigV2"]
    assert first(with_response(report(signed()), response))[0] is Code.SIGNATURE_V2


@pytest.mark.parametrize(
    ("error_code", "code", "proven"),
    [
        ("ExpiredToken", Code.SESSION_ENDED, True),
        ("RequestTimeTooSkewed", Code.CLOCK_SKEW, True),
        ("PermanentRedirect", Code.REDIRECTED, True),
        ("AccessDenied", Code.ACCESS_DENIED, False),
    ],
)
def test_a_form_meets_the_errors_of_a_url(error_code: str, code: Code, proven: bool) -> None:
    response = error(error_code, "Access Denied")
    assert first(with_response(FORM, response)) == (code, proven)


PLACED: Final = replace(KNOWN, conditions=["only from 203.0.113.0/24"])
SESSION_POLICY: Final = "because no session policy allows the s3:GetObject action"


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (SESSION_POLICY, [(Code.GRANT_CONDITION, True)]),
        ("Access Denied", [(Code.GRANT_CONDITION, False), (Code.ACCESS_DENIED, False)]),
        ("", [(Code.GRANT_CONDITION, False), (Code.ACCESS_DENIED, False)]),
        ("because no identity-based policy allows the action", [(Code.ACCESS_DENIED, True)]),
        ("with an explicit deny in a resource-based policy", [(Code.ACCESS_DENIED, True)]),
        ("with an explicit deny in a session policy", [(Code.ACCESS_DENIED, True)]),
        # of a key that may be missing
        ("because no session policy allows the s3:ListBucket action", [(Code.ACCESS_DENIED, True)]),
    ],
)
def test_a_condition_that_did_not_hold_is_told_from_other_denials(
    message: str, found: list[tuple[Code, bool]]
) -> None:
    denied = with_response(report(signed()), error("AccessDenied", message))
    assert [(each.code, each.proven) for each in diagnosed(denied, PLACED)] == found
    assert [each.code for each in diagnosed(denied)] == [Code.ACCESS_DENIED]


def test_a_list_may_be_denied_by_its_condition() -> None:
    message = "because no session policy allows the s3:ListBucket action"
    denied = with_response(
        report(signed(ListObjects(prefix="a/"), key="")), error("AccessDenied", message)
    )
    assert [each.code for each in diagnosed(denied, PLACED)] == [Code.GRANT_CONDITION]


def test_the_finding_names_the_conditions_of_the_grant() -> None:
    denied = with_response(report(signed()), error("AccessDenied", SESSION_POLICY))
    [found] = diagnosed(denied, PLACED)
    assert "does not hold: only from 203.0.113.0/24" in found.summary


def test_a_403_without_a_body_may_be_a_condition() -> None:
    bare = with_response(report(signed()), {"status": 403, "body": ""})
    codes_ = [each.code for each in diagnosed(bare, PLACED)]
    assert codes_ == [Code.GRANT_CONDITION, Code.ACCESS_DENIED]
