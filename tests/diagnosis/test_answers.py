"""What is made of the store's answer, whatever there is of it."""

from dataclasses import replace

import pytest

from service.diagnosis.diagnose import Context
from service.diagnosis.findings import Code
from service.diagnosis.request import ReportedRequest
from service.diagnosis.response import parse_amz_date, parse_response
from service.signing.actions import HeadObject
from tests.diagnosis.helpers import (
    KNOWN,
    NOW,
    OFFLINE,
    STRANGER,
    UPLOAD,
    error,
    found,
    refused,
    signed,
    told,
    upload,
)

HEAD = told(signed(HeadObject()), "HEAD")


@pytest.mark.parametrize(
    "body",
    [
        *(None, "", "<html><body>Log in</body></html>", "Error", "<Errors><Code>A</Code></Errors>"),
        *("<Error>", "<Error><Code>", "<Error></Error>", "<Error><Code/></Error>", '{"code": "A"}'),
        "<!DOCTYPE a [<!ENTITY b 'AccessDenied'>]><Error><Code>&b;</Code></Error>",
    ],
)
def test_what_is_no_error_of_a_stores_says_nothing(body: str | None) -> None:
    assert parse_response(403, body).code is None
    assert parse_response(200, body).is_success
    assert not parse_response(None, body).is_success


@pytest.mark.parametrize(
    "body",
    [
        "<Error><Code>AccessDenied</Code></Error>",
        '<?xml version="1.0" encoding="UTF-16"?>\n<Error>\n  <Code>\n AccessDenied </Code>\n</Error>\n',
        '<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>AccessDenied</Code></Error>',
        "HTTP/1.1 403 Forbidden\r\n\r\n<Error><Code>AccessDenied</Code></Error>\r\n",
        "This XML file has no style\n<Error><Code>AccessDenied</Code></Error> and more",
    ],
)
def test_an_error_is_found_in_whatever_stands_around_it(body: str) -> None:
    assert parse_response(403, body).code == "AccessDenied"
    assert not parse_response(200, body).is_success  # S3 may put an error into a 200


def test_a_head_has_no_words_so_its_status_must_do() -> None:
    def first(status: int) -> tuple[Code, bool]:
        finding = found(replace(HEAD, status=status))[0]
        return finding.code, finding.proven

    assert first(404) == (Code.OBJECT_MISSING, False)
    assert first(403) == (Code.ACCESS_DENIED, False)
    assert first(307) == (Code.REDIRECTED, True)
    assert first(412) == (Code.CONDITION_FAILED, True)
    assert first(416) == (Code.RANGE_INVALID, True)
    assert first(503) == (Code.STORE_BUSY, False)
    assert found(replace(HEAD, status=400)) == []


def test_of_a_refusal_without_words_nothing_is_made_up() -> None:
    for known in (STRANGER, OFFLINE):
        finding = found(replace(HEAD, status=403), known)[0]
        assert (finding.code, finding.proven) == (Code.STORE_REFUSED, False)


def test_what_comes_after_the_signature_rules_out_that_it_is_wrong() -> None:
    asked = refused(upload(content_type="a/b", x_amz_acl="private"), error("NoSuchBucket"))
    assert found(asked)[0].code is Code.CONTENT_TYPE_CHANGED
    asked = refused(upload(content_type="a/b", x_amz_acl="private"), error("EntityTooLarge"))
    assert [finding.code for finding in found(asked)] == [Code.TOO_LARGE]
    asked = refused(upload(content_type="a/b", x_amz_acl="private"), error("AccessDenied"))
    assert [finding.code for finding in found(asked)] == [Code.HEADER_UNSIGNED, Code.ACCESS_DENIED]


@pytest.mark.parametrize("known", [KNOWN, STRANGER, OFFLINE])
def test_a_range_behind_the_end_is_no_fault_of_the_signature(known: Context) -> None:
    asked = refused(told(signed(), headers={"Range": "bytes=9-"}), error("InvalidRange"))
    (finding,) = found(replace(asked, status=416), known)
    assert (finding.code, finding.proven) == (Code.RANGE_INVALID, True)
    assert "`Range`" in finding.summary


def test_what_the_store_speaks_of_comes_before_what_else_is_amiss() -> None:
    late = replace(upload(content_type="a/b"), url=signed(UPLOAD, now=NOW - 7200))
    assert codes(refused(late, error("SignatureDoesNotMatch"))) == [
        Code.CONTENT_TYPE_CHANGED,
        Code.EXPIRED,
    ]
    assert codes(refused(late, error("AccessDenied", "Request has expired"))) == [
        Code.EXPIRED,
        Code.CONTENT_TYPE_CHANGED,
    ]
    assert codes(late) == [Code.EXPIRED, Code.CONTENT_TYPE_CHANGED]


def test_a_clock_a_little_ahead_is_no_fault_and_one_by_minutes_only_likely() -> None:
    assert found(told(signed(now=NOW + 80))) == []
    [finding] = found(told(signed(now=NOW + 200)))
    assert (finding.code, finding.proven) == (Code.NOT_YET_VALID, False)


def test_a_url_ends_when_its_lifetime_is_over_and_not_before() -> None:
    assert found(told(signed()), replace(KNOWN, now=NOW + 899.9)) == []
    [finding] = found(told(signed()), replace(KNOWN, now=NOW + 900.0))
    assert finding.code is Code.EXPIRED


@pytest.mark.parametrize(
    "text", ["", "20260301", "20260301T120000", "20261301T120000Z", "2026-03-01T12:00:00Z", "५"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_amz_date(text) is None
    assert parse_amz_date("20260301T120000Z") == NOW


def codes(asked: ReportedRequest) -> list[Code]:
    return [finding.code for finding in found(asked)]
