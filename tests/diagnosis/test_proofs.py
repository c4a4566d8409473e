"""Which request a signature is of, where the session that made it is known."""

from dataclasses import replace
from typing import Final

import pytest

from service.diagnosis.diagnose import parse_report
from service.diagnosis.findings import Code
from service.diagnosis.hypotheses import hypotheses
from service.diagnosis.request import ReportedRequest
from service.diagnosis.signature_proof import (
    MAX_TRIED,
    Verdict,
    Verifier,
    prove,
)
from service.signing.actions import (
    Encryption,
    GetObject,
    ListObjects,
    PutObject,
)
from service.signing.sigv4 import Credentials
from tests.diagnosis.helpers import (
    ADDRESS,
    CREDENTIALS,
    KEY_ID,
    KNOWN,
    MISMATCH,
    PLACE,
    SESSION,
    TOKEN,
    UPLOAD,
    first,
    found,
    signed,
    told,
    upload,
)

GLOBAL: Final = "acme-reports.s3.amazonaws.com"


def refused(asked: ReportedRequest) -> ReportedRequest:
    return replace(asked, status=403, body=MISMATCH)


def proven(asked: ReportedRequest) -> set[Code]:
    findings = found(refused(asked))
    assert all(finding.proven for finding in findings), findings
    return {finding.code for finding in findings}


@pytest.mark.parametrize("method", ["PUT", "HEAD", "DELETE", "POST", "PATCH", "get "])
def test_another_method_is_proven(method: str) -> None:
    expected = {Code.METHOD_CHANGED} if method != "get " else {Code.CHANGED_UNDERWAY}
    assert proven(told(signed(), method)) == expected


@pytest.mark.parametrize(
    "content_type",
    ["text/plain; charset=utf-8", "text/plain;charset=UTF-8", "TEXT/PLAIN", "image/png", "a/b"],
)
def test_another_type_is_proven_to_whatever_it_was_changed(content_type: str) -> None:
    assert proven(upload(content_type=content_type)) == {Code.CONTENT_TYPE_CHANGED}


@pytest.mark.parametrize(
    "content_type",
    ["application/pdf", "image/jpeg", "video/mp4", "text/csv", "application/x-www-form-urlencoded"],
)
def test_a_usual_type_that_was_signed_is_found(content_type: str) -> None:
    asked = upload(PutObject(content_length=5, content_type=content_type), content_type="a/b")
    assert f"`{content_type}`" in first(refused(asked)).summary


def test_a_type_that_nobody_would_try_is_not_found_and_not_guessed() -> None:
    asked = upload(PutObject(content_length=5, content_type="a/b"), content_type="c/d")
    assert proven(asked) == {Code.SIGNATURE_MISMATCH}


@pytest.mark.parametrize("length", [0, 1, 4, 6, 69])
def test_a_length_is_proven_up_to_64_bytes_off(length: int) -> None:
    assert proven(upload(content_length=str(length))) == {Code.CONTENT_LENGTH_CHANGED}


@pytest.mark.parametrize("length", ["70", "5.0", "-5", "५", "9" * 400, ""])
def test_a_length_that_is_further_off_or_none_is_not(length: str) -> None:
    assert Code.CONTENT_LENGTH_CHANGED not in {
        f.code for f in found(refused(upload(content_length=length)))
    }


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
    assert proven(told(f"{ADDRESS.origin}/{sent}?{query}")) == {code}


@pytest.mark.parametrize(
    ("edit", "names"),
    [
        (lambda url: f"{url}&utm_source=a&fbclid=b", "added `utm_source`, `fbclid`"),
        (lambda url: f"{url}&versionId=v", "added `versionId`"),
        (lambda url: url.replace("Expires=900", "Expires=90"), "changed `X-Amz-Expires`"),
        (lambda url: url.replace("list-type=2&", ""), "lost `list-type`"),
    ],
)
def test_a_changed_query_is_proven_with_the_parameters_names(edit: object, names: str) -> None:
    assert callable(edit)
    listing = signed(ListObjects(prefix="a/"), "")
    [finding] = found(refused(told(edit(listing))))
    assert finding.code is Code.QUERY_CHANGED
    assert names in finding.summary


def test_a_plus_of_the_query_that_was_decoded_is_proven() -> None:
    url = signed(GetObject(version_id="a+b"))
    assert proven(told(url.replace("a%2Bb", "a+b"))) == {Code.QUERY_CHANGED}
    assert proven(told(url.replace("%2B", "+"))) == {Code.QUERY_CHANGED, Code.URL_REENCODED}


def test_two_changes_are_proven_where_they_come_together() -> None:
    url = signed().replace(ADDRESS.host, GLOBAL)
    assert proven(told(url, "PUT")) == {Code.HOST_CHANGED, Code.METHOD_CHANGED}
    moved = signed(key="a").replace(f"{ADDRESS.host}/", "s3.eu-west-1.amazonaws.com/acme-reports/")
    assert proven(told(moved)) == {Code.HOST_CHANGED, Code.KEY_CHANGED}


def test_what_is_missing_and_known_is_filled_in_and_the_rest_proven() -> None:
    place = replace(PLACE, encryption=Encryption(algorithm="aws:kms", kms_key_id="k"))
    action = replace(UPLOAD, encryption=place.encryption)
    asked = told(
        signed(action), "PUT", headers={"content-length": "5", "content-type": "text/plain"}
    )
    [finding] = found(refused(asked), replace(KNOWN, location=place))
    assert (finding.code, finding.proven) == (Code.HEADER_MISSING, True)
    for name, value in action.headers().items():
        assert (f"-H '{name}: {value}'" in finding.fix) == (name != "content-length")


def test_a_token_that_is_wrong_hides_nothing_else() -> None:
    url = signed().replace("Token=", "Token=A")
    assert proven(told(url, "PUT")) == {Code.TOKEN_CHANGED, Code.METHOD_CHANGED}
    lost = url.replace("X-Amz-Security-Token", "x")
    assert Code.TOKEN_LOST in proven(told(lost))


def test_keys_that_belong_to_no_session_have_no_token() -> None:
    bare = Credentials(access_key_id="AKIAEXAMPLE", secret_access_key="s" * 40)
    known = replace(KNOWN, session=replace(SESSION, credentials=bare))
    url = signed(credentials=bare)
    assert found(told(url), known) == []
    assert [f.code for f in found(told(f"{url}&X-Amz-Security-Token=a"), known)] == [
        Code.TOKEN_CHANGED
    ]


def test_the_secret_of_another_session_proves_nothing() -> None:
    other = Credentials(access_key_id=KEY_ID, secret_access_key="o" * 40, session_token=TOKEN)
    known = replace(KNOWN, session=replace(SESSION, credentials=other))
    [finding] = found(refused(told(signed())), known)
    assert (finding.code, finding.proven) == (Code.SIGNATURE_MISMATCH, True)


def test_no_more_requests_are_tried_than_is_said() -> None:
    sent = parse_report(upload(content_length="600", content_type="c/d")).request
    assert 150 < len(list(hypotheses(sent, PLACE))) <= MAX_TRIED
    wrong = sent.with_parameter("x-amz-signature", "0" * 64)
    assert prove(wrong, [], credentials=CREDENTIALS, location=PLACE).verdict is Verdict.NONE


def test_a_long_request_is_tried_less_often() -> None:
    sent = parse_report(told(signed(key="a" * 900))).request
    verifier = Verifier(CREDENTIALS, "0" * 64)
    times = 0
    while not verifier.is_spent:
        verifier.verifies(sent)
        times += 1
    assert 100 < times < 10_000


def test_without_the_whole_signature_nothing_is_tried() -> None:
    url = signed()
    for broken in (url[:-1], url.partition("&X-Amz-Signature")[0], url.replace("X-Amz-Date", "x")):
        assert prove(
            parse_report(told(broken)).request, [], credentials=CREDENTIALS, location=PLACE
        ).verdict in {Verdict.UNKNOWN, Verdict.NONE}


def test_a_method_that_needs_no_body_is_likely_wrong_for_an_upload() -> None:
    finding = first(refused(told(signed(UPLOAD), "GET")))
    assert (finding.code, finding.proven) == (Code.METHOD_CHANGED, False)
    assert "signed for PUT, but was sent as GET" in finding.summary


def test_headers_that_are_untold_are_only_likely_to_be_missing() -> None:
    finding = first(refused(told(signed(UPLOAD), "PUT", headers=None)))
    assert (finding.code, finding.proven) == (Code.HEADER_MISSING, False)
    told_of = first(refused(told(signed(UPLOAD), "PUT", headers={})))
    assert (told_of.code, told_of.proven) == (Code.HEADER_MISSING, True)


def test_where_the_length_is_untold_it_is_asked_for() -> None:
    headers = {n: v for n, v in UPLOAD.headers().items() if n != "content-length"}
    finding = first(refused(told(signed(UPLOAD), "PUT", headers=headers)))
    assert (finding.code, finding.proven) == (Code.SIGNATURE_MISMATCH, False)
    assert "report the `content-length`" in finding.fix


def test_a_region_that_was_edited_is_proven() -> None:
    [finding] = found(refused(told(signed().replace("%2Feu-west-1", "%2Fus-east-1"))))
    assert (finding.code, finding.proven) == (Code.WRONG_REGION, True)
    assert "for the region `us-east-1`, but the bucket is in `eu-west-1`" in finding.summary


def test_a_region_of_no_usual_name_is_not_said_again() -> None:
    [finding] = found(refused(told(signed().replace("%2Feu-west-1", f"%2F{'A' * 20}"))))
    assert "for another region, but the bucket is in `eu-west-1`" in finding.summary


def test_a_url_that_was_signed_for_the_wrong_region_is_only_likely_wrong() -> None:
    """Stores of one's own may not mind."""
    url = signed(address=replace(ADDRESS, region="us-east-1"))
    [finding] = found(told(url))
    assert (finding.code, finding.proven) == (Code.WRONG_REGION, False)
