"""The answer with the service's sessions and the one without them, on one table of cases.

With its sessions the service proves each cause. Without them the answer is the same, proven or
likely, or it says that only the service can find the cause.
"""

from dataclasses import replace
from typing import Any, Final

import pytest

from service.diagnosis.findings import Code, Finding
from service.diagnosis.request import ReportedRequest
from service.signing.actions import PutObject
from tests.diagnosis.aws import mismatch
from tests.diagnosis.reports import (
    ADDRESS,
    KNOWN,
    OFFLINE,
    UPLOAD,
    canonical,
    diagnosed,
    mismatched,
    report,
    signed,
    upload,
    with_response,
)

PROVEN: Final = "proven"
LIKELY: Final = "likely"
ONLY_THE_SERVICE: Final = "only the service"
CHARSET: Final = "text/plain;charset=UTF-8"
METADATA: Final = PutObject(content_length=5, metadata=(("author", "Ann"), ("team", "x")))
BY_STORE: Final = mismatch(canonical(UPLOAD, content_type=CHARSET))
BOB_BY_STORE: Final = mismatch(canonical(METADATA, x_amz_meta_author="Bob"))


def with_metadata(response: dict[str, Any], **changes: str) -> ReportedRequest:
    headers = METADATA.headers() | {name.replace("_", "-"): v for name, v in changes.items()}
    return with_response(report(signed(METADATA), "PUT", headers=headers), response)


def without_method(reported: ReportedRequest) -> ReportedRequest:
    return replace(reported, method=None)


CASES: Final[dict[str, tuple[ReportedRequest, Code, str]]] = {
    "charset; S3's request; headers as received": (
        with_response(upload(), BY_STORE),
        Code.CONTENT_TYPE_CHANGED,
        PROVEN,
    ),
    "charset; S3's request; headers as sent": (
        with_response(upload(content_type=CHARSET), BY_STORE),
        Code.CONTENT_TYPE_CHANGED,
        LIKELY,
    ),
    "charset; S3's request; no headers": (
        with_response(report(signed(UPLOAD), "PUT", headers=None), BY_STORE),
        Code.CONTENT_TYPE_CHANGED,
        LIKELY,
    ),
    "charset; S3's request; only the URL": (
        with_response(ReportedRequest(url=signed(UPLOAD)), BY_STORE),
        Code.CONTENT_TYPE_CHANGED,
        LIKELY,
    ),
    "charset; headers as sent": (
        mismatched(upload(content_type=CHARSET)),
        Code.CONTENT_TYPE_CHANGED,
        LIKELY,
    ),
    "charset; headers as sent; no method": (
        without_method(mismatched(upload(content_type=CHARSET))),
        Code.CONTENT_TYPE_CHANGED,
        LIKELY,
    ),
    "charset, and a header left out": (
        mismatched(upload(content_type=CHARSET, if_none_match=None)),
        Code.CONTENT_TYPE_CHANGED,
        LIKELY,
    ),
    "a library's own type": (
        mismatched(upload(content_type="application/x-www-form-urlencoded")),
        Code.CONTENT_TYPE_CHANGED,
        LIKELY,
    ),
    "another type": (
        mismatched(upload(content_type="image/png")),
        Code.CONTENT_TYPE_CHANGED,
        ONLY_THE_SERVICE,
    ),
    "a header left out": (
        mismatched(upload(if_none_match=None)),
        Code.HEADER_MISSING,
        PROVEN,
    ),
    "a header left out; S3's request": (
        with_response(
            report(signed(UPLOAD), "PUT", headers=None),
            mismatch(canonical(UPLOAD, if_none_match="")),
        ),
        Code.HEADER_MISSING,
        PROVEN,
    ),
    "metadata; S3's request; headers as received": (
        with_metadata(BOB_BY_STORE),
        Code.HEADER_CHANGED,
        PROVEN,
    ),
    "metadata; S3's request; headers as sent": (
        with_metadata(BOB_BY_STORE, x_amz_meta_author="Bob"),
        Code.SIGNATURE_MISMATCH,
        ONLY_THE_SERVICE,
    ),
    "metadata; headers as sent": (
        mismatched(with_metadata({}, x_amz_meta_author="Bob")),
        Code.SIGNATURE_MISMATCH,
        ONLY_THE_SERVICE,
    ),
    "a download sent as an upload": (
        mismatched(report(signed(), "PUT")),
        Code.METHOD_CHANGED,
        LIKELY,
    ),
    "an upload sent as a download": (
        mismatched(replace(upload(), method="GET")),
        Code.METHOD_CHANGED,
        LIKELY,
    ),
    "another method; none reported; S3's request": (
        with_response(
            without_method(upload()), mismatch(canonical(UPLOAD).replace("PUT", "GET", 1))
        ),
        Code.METHOD_CHANGED,
        LIKELY,
    ),
    "another method; none reported": (
        mismatched(without_method(upload())),
        Code.CHANGED_UNDERWAY,
        ONLY_THE_SERVICE,
    ),
    "a tracker": (
        mismatched(report(f"{signed()}&utm_source=mail")),
        Code.QUERY_CHANGED,
        LIKELY,
    ),
    "another lifetime": (
        mismatched(report(signed().replace("Expires=900", "Expires=3600"))),
        Code.QUERY_CHANGED,
        ONLY_THE_SERVICE,
    ),
    "another length": (
        mismatched(upload(content_length="6")),
        Code.CONTENT_LENGTH_CHANGED,
        ONLY_THE_SERVICE,
    ),
    "another host": (
        mismatched(report(signed().replace(ADDRESS.host, "acme-reports.s3.amazonaws.com"))),
        Code.HOST_CHANGED,
        ONLY_THE_SERVICE,
    ),
    "another host; S3's request": (
        with_response(upload(), mismatch(canonical(UPLOAD, host="proxy.example"))),
        Code.HOST_CHANGED,
        PROVEN,
    ),
    "a plus for a space": (
        mismatched(report(signed().replace("a%20b", "a+b"))),
        Code.KEY_REENCODED,
        ONLY_THE_SERVICE,
    ),
    "cut off": (report(signed()[:-10]), Code.URL_TRUNCATED, PROVEN),
    "escaped": (report(signed().replace("&", "&amp;")), Code.URL_ESCAPED, PROVEN),
}


def answers(name: str) -> tuple[list[Finding], list[Finding]]:
    reported, _, _ = CASES[name]
    return diagnosed(reported, KNOWN), diagnosed(reported, OFFLINE)


@pytest.mark.parametrize("name", CASES)
def test_both_answers_agree(name: str) -> None:
    _, code, how = CASES[name]
    with_sessions, offline = answers(name)
    assert (with_sessions[0].code, with_sessions[0].proven) == (code, True)
    found = {finding.code: finding.proven for finding in offline}
    if how == ONLY_THE_SERVICE:
        assert found == {Code.SIGNATURE_MISMATCH: False}
    else:
        assert found[code] is (how == PROVEN)


@pytest.mark.parametrize("name", CASES)
def test_offline_it_says_what_only_the_service_can_prove(name: str) -> None:
    _, _, how = CASES[name]
    with_sessions, offline = answers(name)
    words = "Only the service that signed the URL can prove it: ask it with `--service`."
    said = [finding for finding in offline if words in finding.summary]
    assert [finding.proven for finding in said] == ([] if how == PROVEN else [False])
    assert not any(words in finding.summary for finding in with_sessions)


@pytest.mark.parametrize("name", CASES)
def test_offline_nothing_is_certain_that_the_service_does_not_find(name: str) -> None:
    with_sessions, offline = answers(name)
    assert {f.code for f in offline if f.proven} <= {f.code for f in with_sessions}


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("charset")])
def test_no_fix_repeats_an_added_charset(name: str) -> None:
    for finding in (finding for answer in answers(name) for finding in answer):
        assert "charset=" not in finding.fix
        if finding.code is Code.CONTENT_TYPE_CHANGED:
            assert "-H 'content-type: text/plain' -H 'if-none-match: *'" in finding.fix


def test_a_fix_shows_no_type_that_a_library_has_set() -> None:
    _, offline = answers("a library's own type")
    assert "-H 'content-type: VALUE'" in offline[0].fix


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("metadata")])
def test_the_summary_names_changed_metadata(name: str) -> None:
    for answer in answers(name):
        assert "`x-amz-meta-author`" in answer[0].summary
        assert "if-none-match" not in answer[0].summary


def test_two_changed_headers_are_both_named() -> None:
    received = canonical(METADATA, x_amz_meta_author="Bob", x_amz_meta_team="y")
    sent = with_metadata(mismatch(received))
    for context in (KNOWN, OFFLINE):
        [finding] = diagnosed(sent, context)
        assert "`x-amz-meta-author`, `x-amz-meta-team`." in finding.summary


@pytest.mark.parametrize("url", [signed(), signed(UPLOAD)], ids=["download", "upload"])
@pytest.mark.parametrize("headers", [None, {}])
def test_an_unknown_method_is_not_called_changed(url: str, headers: dict[str, str] | None) -> None:
    for reported in (only := ReportedRequest(url=url, headers=headers), mismatched(only)):
        for context in (KNOWN, OFFLINE):
            found = diagnosed(reported, context)
            assert Code.METHOD_CHANGED not in {finding.code for finding in found}


def test_a_request_without_a_method_is_right_if_one_method_is() -> None:
    for reported in (upload(), report(signed())):
        assert diagnosed(without_method(reported)) == []
        [finding] = diagnosed(mismatched(without_method(reported)))
        assert f"if it was sent as {reported.method}:" in finding.summary
