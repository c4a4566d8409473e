"""Which request a signature was made for, if the session that made it is known."""

from dataclasses import replace
from typing import Any, Final

import pytest

from service.diagnosis.diagnose import parse_report
from service.diagnosis.findings import Code
from service.diagnosis.hypotheses import hypotheses
from service.diagnosis.request import ReportedRequest
from service.diagnosis.signature_proof import MAX_TRIED, Verdict, Verifier, prove
from service.signing.actions import (
    Encryption,
    GetObject,
    ListObjects,
    ListObjectVersions,
    PutObject,
)
from service.signing.sigv4 import Credentials
from tests.diagnosis.reports import (
    ADDRESS,
    CREDENTIALS,
    KEY_ID,
    KNOWN,
    OFFLINE,
    PLACE,
    SESSION,
    TOKEN,
    UPLOAD,
    codes,
    diagnosed,
    first,
    mismatched,
    report,
    signed,
    upload,
)

GLOBAL: Final = "acme-reports.s3.amazonaws.com"


def proven(reported: ReportedRequest) -> set[Code]:
    """The findings' codes, all of which are proven."""
    findings = diagnosed(mismatched(reported))
    assert all(finding.proven for finding in findings), findings
    return {finding.code for finding in findings}


@pytest.mark.parametrize("method", ["PUT", "HEAD", "DELETE", "POST", "PATCH", "get "])
def test_another_method_is_proven(method: str) -> None:
    expected = {Code.METHOD_CHANGED} if method != "get " else {Code.CHANGED_UNDERWAY}
    assert proven(report(signed(), method)) == expected


@pytest.mark.parametrize(
    "content_type",
    ["text/plain; charset=utf-8", "text/plain;charset=UTF-8", "TEXT/PLAIN", "image/png", "a/b"],
)
def test_another_content_type_is_proven(content_type: str) -> None:
    assert proven(upload(content_type=content_type)) == {Code.CONTENT_TYPE_CHANGED}


@pytest.mark.parametrize(
    "content_type",
    ["application/pdf", "image/jpeg", "video/mp4", "text/csv", "application/x-www-form-urlencoded"],
)
def test_a_common_signed_type_is_found(content_type: str) -> None:
    reported = upload(PutObject(content_length=5, content_type=content_type), content_type="a/b")
    assert f"`{content_type}`" in diagnosed(mismatched(reported))[0].summary


def test_an_uncommon_signed_type_is_not_found() -> None:
    reported = upload(PutObject(content_length=5, content_type="a/b"), content_type="c/d")
    assert proven(reported) == {Code.SIGNATURE_MISMATCH}


@pytest.mark.parametrize("length", ["0", "1", "4", "6", "69"])
def test_a_length_is_proven_up_to_64_bytes_off(length: str) -> None:
    assert proven(upload(content_length=length)) == {Code.CONTENT_LENGTH_CHANGED}


@pytest.mark.parametrize("length", ["70", "5.0", "-5", "५", "9" * 400, ""])
def test_a_length_further_off_or_malformed_is_not(length: str) -> None:
    assert Code.CONTENT_LENGTH_CHANGED not in codes(mismatched(upload(content_length=length)))


@pytest.mark.parametrize(
    ("was", "sent", "code"),
    [
        ("a b", "a%2520b", Code.KEY_REENCODED),
        ("a%20b", "a%20b", Code.KEY_REENCODED),
        ("a+b", "a%20b", Code.KEY_REENCODED),
        ("a b", "a+b", Code.KEY_REENCODED),
        ("a/b", "a/b/", Code.KEY_CHANGED),
        ("a/b/", "a/b", Code.KEY_CHANGED),
        ("a/b", "A/b", Code.KEY_CHANGED),
        ("a/b", "a//b", Code.KEY_CHANGED),
        ("\u00fc", "u%CC%88", Code.KEY_CHANGED),
        ("u\u0308", "%C3%BC", Code.KEY_CHANGED),
        ("a", "acme-reports/a", Code.KEY_CHANGED),
    ],
)
def test_another_path_is_proven(was: str, sent: str, code: Code) -> None:
    query = signed(key=was).partition("?")[2]
    assert proven(report(f"{ADDRESS.origin}/{sent}?{query}")) == {code}


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("list-type=2", "list-type=2&utm_source=a&fbclid=b", "added `utm_source`, `fbclid`"),
        ("list-type=2", "list-type=2&versionId=v", "added `versionId`"),
        ("Expires=900", "Expires=90", "changed `X-Amz-Expires`"),
        ("list-type=2&", "", "lost `list-type`"),
    ],
)
def test_a_changed_query_is_proven_with_parameter_names(old: str, new: str, names: str) -> None:
    listing = signed(ListObjects(prefix="a/"), "")
    [finding] = diagnosed(mismatched(report(listing.replace(old, new))))
    assert finding.code is Code.QUERY_CHANGED
    assert names in finding.summary


def test_the_query_of_a_list_of_versions_is_s3s() -> None:
    listing = ListObjectVersions(prefix="a/", key_marker="a/b", version_id_marker="v")
    assert Code.QUERY_CHANGED not in codes(mismatched(report(signed(listing, ""))), OFFLINE)


def test_a_decoded_plus_in_the_query_is_proven() -> None:
    url = signed(GetObject(version_id="a+b"))
    assert proven(report(url.replace("a%2Bb", "a+b"))) == {Code.QUERY_CHANGED}
    assert proven(report(url.replace("%2B", "+"))) == {Code.QUERY_CHANGED, Code.URL_REENCODED}


def test_a_new_host_is_proven_together_with_another_change() -> None:
    url = signed().replace(ADDRESS.host, GLOBAL)
    assert proven(report(url, "PUT")) == {Code.HOST_CHANGED, Code.METHOD_CHANGED}
    moved = signed(key="a").replace(f"{ADDRESS.host}/", "s3.eu-west-1.amazonaws.com/acme-reports/")
    assert proven(report(moved)) == {Code.HOST_CHANGED, Code.KEY_CHANGED}


def test_missing_headers_that_we_always_sign_are_proven() -> None:
    place = replace(PLACE, encryption=Encryption(algorithm="aws:kms", kms_key_id="k"))
    action = replace(UPLOAD, encryption=place.encryption)
    sent = {"content-length": "5", "content-type": "text/plain"}
    reported = report(signed(action), "PUT", headers=sent)
    [finding] = diagnosed(mismatched(reported), replace(KNOWN, location=place))
    assert (finding.code, finding.proven) == (Code.HEADER_MISSING, True)
    for name, value in action.headers().items():
        assert (f"-H '{name}: {value}'" in finding.fix) == (name != "content-length")


def test_a_wrong_token_hides_no_other_finding() -> None:
    url = signed().replace("Token=", "Token=A")
    assert proven(report(url, "PUT")) == {Code.TOKEN_CHANGED, Code.METHOD_CHANGED}
    lost = url.replace("X-Amz-Security-Token", "x")
    assert Code.TOKEN_LOST in proven(report(lost))


def test_long_term_keys_have_no_token() -> None:
    bare = Credentials(access_key_id="AKIAEXAMPLE", secret_access_key="s" * 40)
    known = replace(KNOWN, session=replace(SESSION, credentials=bare))
    url = signed(credentials=bare)
    assert diagnosed(report(url), known) == []
    assert codes(report(f"{url}&X-Amz-Security-Token=a"), known) == [Code.TOKEN_CHANGED]


def test_another_secret_proves_only_a_mismatch() -> None:
    other = Credentials(access_key_id=KEY_ID, secret_access_key="o" * 40, session_token=TOKEN)
    known = replace(KNOWN, session=replace(SESSION, credentials=other))
    assert first(mismatched(report(signed())), known) == (Code.SIGNATURE_MISMATCH, True)


def test_at_most_the_documented_number_of_requests_is_tried() -> None:
    sent = parse_report(upload(content_length="600", content_type="c/d")).request
    assert 150 < len(list(hypotheses(sent, PLACE))) <= MAX_TRIED
    wrong = sent.with_parameter("x-amz-signature", "0" * 64)
    assert prove(wrong, [], credentials=CREDENTIALS, location=PLACE).verdict is Verdict.NONE


def test_long_requests_spend_the_budget_sooner() -> None:
    sent = parse_report(report(signed(key="a" * 900))).request
    verifier = Verifier(CREDENTIALS, "0" * 64)
    times = 0
    while not verifier.is_spent:
        verifier.verifies(sent)
        times += 1
    assert 100 < times < 10_000


def test_without_a_whole_signature_nothing_matches() -> None:
    url = signed()
    for broken in (url[:-1], url.partition("&X-Amz-Signature")[0], url.replace("X-Amz-Date", "x")):
        request = parse_report(report(broken)).request
        proof = prove(request, [], credentials=CREDENTIALS, location=PLACE)
        assert proof.verdict in {Verdict.UNKNOWN, Verdict.NONE}


def test_get_is_likely_wrong_for_an_upload() -> None:
    finding = diagnosed(mismatched(report(signed(UPLOAD), "GET")))[0]
    assert (finding.code, finding.proven) == (Code.METHOD_CHANGED, False)
    assert "signed for PUT, but was sent as GET" in finding.summary


@pytest.mark.parametrize(("headers", "proven"), [(None, False), ({}, True)])
def test_unreported_headers_are_only_likely_missing(headers: Any, proven: bool) -> None:
    reported = report(signed(UPLOAD), "PUT", headers=headers)
    assert first(mismatched(reported)) == (Code.HEADER_MISSING, proven)


def test_an_unreported_length_is_requested() -> None:
    finding = diagnosed(mismatched(upload(content_length=None)))[0]
    assert (finding.code, finding.proven) == (Code.SIGNATURE_MISMATCH, False)
    assert "report the `content-length`" in finding.fix


@pytest.mark.parametrize(
    ("region", "shown"),
    [("us-east-1", "the region `us-east-1`"), ("A" * 20, "another region")],
    ids=["usual", "not to be repeated"],
)
def test_an_edited_region_is_proven(region: str, shown: str) -> None:
    [finding] = diagnosed(mismatched(report(signed().replace("%2Feu-west-1", f"%2F{region}"))))
    assert (finding.code, finding.proven) == (Code.WRONG_REGION, True)
    assert f"for {shown}, but the bucket is in `eu-west-1`" in finding.summary


def test_a_url_signed_for_another_region_is_likely_wrong() -> None:
    """Some stores accept any region."""
    url = signed(address=replace(ADDRESS, region="us-east-1"))
    assert first(report(url)) == (Code.WRONG_REGION, False)
