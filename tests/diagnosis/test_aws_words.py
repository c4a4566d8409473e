"""What AWS says, in its own words (`aws.py`), leads to the right finding; and none of it is repeated."""

from typing import Final

import pytest

from service.diagnosis.findings import Code
from tests.diagnosis.aws import FORM, WORDS, body, mismatch
from tests.diagnosis.helpers import (
    ADDRESS,
    KNOWN,
    OFFLINE,
    STRANGER,
    UPLOAD,
    canonical,
    found,
    refused,
    signed,
    told,
    upload,
)


@pytest.mark.parametrize("name", WORDS)
def test_what_aws_says_leads_to_the_right_finding_first(name: str) -> None:
    source, asked, answer, code = WORDS[name]
    assert source.startswith("https://")
    assert found(refused(asked, answer))[0].code is code
    assert found(refused(asked, answer), STRANGER)[0].code is code
    assert found(refused(asked, answer), OFFLINE)[0].code is code


@pytest.mark.parametrize("name", WORDS)
def test_nothing_of_what_aws_says_is_repeated_but_what_is_known_to_be_harmless(name: str) -> None:
    _, asked, answer, _ = WORDS[name]
    for finding in found(refused(asked, answer)):
        for said in (
            "arn:",
            "billing-3f2a9c0d1e4b",
            "IQoJ",
            "f0b5",
            "Bearer",
            "qqfilename",
            "9a6f",
        ):
            assert said not in finding.summary + finding.fix


def test_a_page_around_the_error_does_no_harm() -> None:
    """As browsers show a document without a style sheet."""
    _, asked, answer, code = WORDS["expired"]
    page = f"This XML file does not appear to have any style information.\n{answer['body']}\n"
    assert found(refused(asked, {**answer, "body": page}))[0].code is code


def test_the_clock_that_counts_is_the_stores() -> None:
    _, asked, answer, _ = WORDS["expired"]
    [finding] = found(refused(asked, answer), KNOWN)
    assert finding.summary == (
        "The URL expired at 2026-03-01T10:15:00Z: 6342 s ago by the store's clock."
    )
    _, asked, answer, _ = WORDS["not yet valid"]
    [finding] = found(refused(asked, answer), KNOWN)
    assert "in 86400 s by the store's clock" in finding.summary


def test_the_first_byte_that_differs_is_named_with_its_line() -> None:
    _, asked, answer, _ = WORDS["a charset, by the canonical request"]
    sent = canonical(UPLOAD, content_type="text/plain;charset=UTF-8")
    place = f"at byte {sent.index(';charset') + 1}, in the header content-type."
    [proven] = found(refused(asked, answer))
    assert proven.summary.startswith("The URL is signed for the type `text/plain`, and was sent")
    assert proven.summary.endswith(place)
    [seen] = found(refused(asked, answer), OFFLINE)
    assert seen.summary.startswith(
        "The store received a different request from the one you report."
    )
    assert seen.summary.endswith(place)
    assert (proven.proven, seen.proven) == (True, True)


LINES: Final = [
    ("PUT\n", "POST\n", "the method"),
    ("/invoices", "/Invoices", "the path"),
    ("X-Amz-Expires=900", "X-Amz-Expires=901", "the query"),
    (f"host:{ADDRESS.host}", "host:proxy.example", "the header host"),
    ("if-none-match:*", "if-none-match:", "the header if-none-match"),
    ("\nUNSIGNED-PAYLOAD", "\ne3b0c44298fc", "the payload's hash"),
]


@pytest.mark.parametrize(("old", "new", "line"), LINES)
def test_each_line_of_the_canonical_request_has_its_meaning(old: str, new: str, line: str) -> None:
    text = canonical(UPLOAD)
    assert old in text
    answer = mismatch(text.replace(old, new, 1))
    assert found(refused(upload(), answer), OFFLINE)[0].summary.endswith(f"in {line}.")


def test_dots_that_a_client_folded_show_in_the_canonical_request() -> None:
    asked = told(signed(key="a/../b"))
    text = canonical(UPLOAD).replace("PUT\n/invoices/a%20b.txt", "GET\n/b")
    query = asked.url.partition("?")[2].partition("&X-Amz-Signature")[0]
    lines = text.split("\n")
    answer = mismatch("\n".join([*lines[:2], query, f"host:{ADDRESS.host}", "", "host", lines[-1]]))
    for known in (KNOWN, OFFLINE):
        finding = found(refused(asked, answer), known)[0]
        assert (finding.code, finding.proven) == (Code.DOT_SEGMENTS, True)


@pytest.mark.parametrize(
    "text", ["", "GET", "GET\n/\n\nhost:a\nhost\nX\nY", "GET\n/\n\na:b\nc:d\ne:f\n\n"]
)
def test_a_canonical_request_that_is_none_is_left_aside(text: str) -> None:
    asked = upload(content_type="text/plain; charset=utf-8")
    assert found(refused(asked, mismatch(text)))[0].code is Code.CONTENT_TYPE_CHANGED


def test_a_store_that_sees_no_signature_of_the_fourth_version_is_believed() -> None:
    _, _, answer, _ = WORDS["SigV2"]
    assert found(refused(told(signed()), answer))[0].code is Code.SIGNATURE_V2


@pytest.mark.parametrize("code", ["ExpiredToken", "RequestTimeTooSkewed", "PermanentRedirect"])
def test_a_form_may_meet_what_a_url_meets(code: str) -> None:
    expected = {
        "ExpiredToken": Code.SESSION_ENDED,
        "RequestTimeTooSkewed": Code.CLOCK_SKEW,
        "PermanentRedirect": Code.REDIRECTED,
    }
    answer = body(f"<Code>{code}</Code><Message>…</Message>")
    assert found(refused(FORM, answer))[0].code is expected[code]


def test_a_form_that_a_policy_refuses_is_told_so_with_less_certainty() -> None:
    answer = body("<Code>AccessDenied</Code><Message>Access Denied</Message>")
    [finding] = found(refused(FORM, answer))
    assert (finding.code, finding.proven) == (Code.ACCESS_DENIED, False)
