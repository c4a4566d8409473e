"""The gate refuses each change of a signed request, and accepts what AWS and botocore sign."""

from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from service.demo.signatures import StoredKey
from service.signing.post_policy import PostObject, presign_form
from service.signing.signer import Address, Signer
from tests.demo.gating import (
    HOST,
    NOW,
    REGION,
    ROOT,
    SESSION,
    SESSION_END,
    Gated,
    sign,
)
from tests.end_to_end.mutations import CASES, MUTATIONS
from tests.signing.oracle import clock
from tests.signing.test_aws_examples import EXAMPLES
from tests.support.stores import BODY

EXAMPLES_AT: Final = 1_369_353_600  # 2013-05-24T00:00:00Z
TEXT: Final = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))


@pytest.mark.parametrize("operation", MUTATIONS)
@pytest.mark.parametrize("credentials", [SESSION, ROOT], ids=["session", "root"])
def test_an_unchanged_request_passes(operation: str, credentials: Any) -> None:
    gated = Gated()
    sent = sign(operation, credentials)
    assert gated.send_signed(sent).body == b"stored"
    assert gated.stored == [sent.body or b""]


@pytest.mark.parametrize(("operation", "name"), CASES)
def test_a_changed_request_is_refused(operation: str, name: str) -> None:
    gated = Gated()
    response = gated.send_signed(MUTATIONS[operation][name](sign(operation)))
    assert response.status in {400, 403}
    assert response.code or MUTATIONS[operation][name](sign(operation)).method == "HEAD"
    assert not gated.stored


@pytest.mark.parametrize("name", EXAMPLES)
def test_aws_signed_examples_pass(name: str) -> None:
    example = EXAMPLES[name]
    url = urlsplit(example.get("url", ""))
    query = example["canonical_request"].splitlines()[2]
    target = f"{url.path}?{url.query}" if url.path else f"{example['path']}?{query}"
    headers = dict(example.get("headers") or {"host": example["host"]})
    if "presigned" not in name:
        names = example["canonical_request"].splitlines()[-2]
        credential = f"{example['access_key']}/20130524/us-east-1/s3/aws4_request"
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},"
            f"Signature={example['signature']}"
        )
    gated = Gated(
        now=EXAMPLES_AT + 60,
        region="us-east-1",
        keys={example["access_key"]: StoredKey(secret_access_key=example["secret_key"])},
    )
    body = b"Welcome to Amazon S3." if example["method"] == "PUT" else b""
    headers["content-length"] = str(len(body))
    assert gated.send(example["method"], target, headers, body).status == 200
    later = replace(gated, now=EXAMPLES_AT + 86_400)
    assert later.send(example["method"], target, headers, body).status == 403


@given(
    key=TEXT.filter(bool), name=TEXT.filter(bool), value=TEXT, header=st.text("abc ", min_size=1)
)
def test_what_botocore_signs_passes(key: str, name: str, value: str, header: str) -> None:
    url = f"http://{HOST}/bucket/{quote(key)}?{quote(name)}={quote(value)}"
    keys = BotocoreCredentials(ROOT.access_key_id, ROOT.secret_access_key)
    with clock(NOW):
        request = AWSRequest("GET", url, headers={"x-amz-meta-a": header.strip()})
        S3SigV4QueryAuth(keys, "s3", REGION, expires=60).add_auth(request)
        signed = AWSRequest("PUT", url, headers={"x-amz-meta-a": header.strip()}, data=b"body")
        S3SigV4Auth(keys, "s3", REGION).add_auth(signed)
    for each, body in ((request, None), (signed, b"body")):
        parts = urlsplit(each.url)
        headers = {**each.headers, "Host": HOST, "Content-Length": str(len(body or b""))}
        response = Gated().send(each.method, f"{parts.path}?{parts.query}", headers, body)
        assert response.status == 200, response


def test_a_signed_body_must_be_the_one_that_was_signed() -> None:
    keys = BotocoreCredentials(ROOT.access_key_id, ROOT.secret_access_key)
    with clock(NOW):
        request = AWSRequest("PUT", f"http://{HOST}/bucket/a", data=b"body")
        S3SigV4Auth(keys, "s3", REGION).add_auth(request)
    headers = {**request.headers, "Host": HOST, "Content-Length": "4"}
    assert Gated().send("PUT", "/bucket/a", headers, b"BODY").code == "XAmzContentSHA256Mismatch"


def call_sts(body: bytes, **changed: str) -> Any:
    keys = BotocoreCredentials(ROOT.access_key_id, ROOT.secret_access_key)
    with clock(NOW):
        request = AWSRequest("POST", f"http://{HOST}/", data=b"Action=AssumeRole")
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        SigV4Auth(keys, "sts", "us-east-1").add_auth(request)
    headers = {**request.headers, "Host": HOST, "Content-Length": str(len(body)), **changed}
    return Gated().send("POST", "/", headers, body)


def test_a_call_of_sts_is_verified_with_its_body() -> None:
    assert call_sts(b"Action=AssumeRole").status == 200
    refused = call_sts(b"Action=AssumeRolf")
    assert (refused.status, refused.element("Type")) == (403, "Sender")
    assert refused.code == "SignatureDoesNotMatch"
    assert call_sts(b"Action=AssumeRole", Authorization="").status == 403


@pytest.mark.parametrize(
    ("action", "status"),
    [("AssumeRoleWithWebIdentity", 200), ("AssumeRoleWithSAML", 200), ("AssumeRole", 403)],
)
def test_sts_exchanges_tokens_without_a_signature(action: str, status: int) -> None:
    body = f"Action={action}&Version=2011-06-15".encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
    }
    gated = Gated()
    assert gated.send("POST", "/", headers, body).status == status
    assert gated.stored == ([body] if status == 200 else [])


@pytest.mark.parametrize(
    ("now", "code", "message"),
    [
        (NOW - 901, "AccessDenied", "Request is not yet valid"),
        (NOW - 899, "", ""),
        (NOW + 59.9, "", ""),
        (NOW + 60, "AccessDenied", "Request has expired"),
    ],
)
def test_a_url_lives_from_its_date_to_its_end(now: float, code: str, message: str) -> None:
    response = Gated(now=now).send_signed(sign("download", expires_in=60))
    assert (response.code, response.element("Message")) == (code, message)


def test_an_expired_url_names_its_end() -> None:
    response = Gated(now=NOW + 61).send_signed(sign("download", expires_in=60))
    names = ("X-Amz-Expires", "Expires", "ServerTime")
    assert [response.element(name) for name in names] == [
        "60",
        "2026-09-21T14:14:20Z",
        "2026-09-21T14:14:21Z",
    ]


def test_a_url_dies_with_its_session() -> None:
    sent = sign("download", expires_in=7200)
    assert Gated(now=SESSION_END - 1).send_signed(sent).status == 200
    response = Gated(now=SESSION_END).send_signed(sent)
    assert (response.status, response.code) == (400, "ExpiredToken")


@pytest.mark.parametrize(
    ("operation", "name", "code"),
    [
        ("download", "signature", "SignatureDoesNotMatch"),
        ("download", "signature left out", "AuthorizationQueryParametersError"),
        ("download", "key id", "InvalidAccessKeyId"),
        ("download", "token", "InvalidToken"),
        ("download", "token left out", "InvalidAccessKeyId"),
        ("download", "unsigned x-amz header", "AccessDenied"),
        ("upload", "body longer", "SignatureDoesNotMatch"),
        ("upload", "another body of the same size", "BadDigest"),
    ],
)
def test_refusals_have_the_codes_of_s3(operation: str, name: str, code: str) -> None:
    assert Gated().send_signed(MUTATIONS[operation][name](sign(operation))).code == code


def test_a_mismatch_shows_what_the_store_signed() -> None:
    response = Gated().send_signed(MUTATIONS["upload"]["body longer"](sign("upload")))
    canonical = response.element("CanonicalRequest").replace("&amp;", "&")
    assert f"\ncontent-length:{len(BODY) + 1}\n" in canonical
    digest = response.element("StringToSign").splitlines()[-1]
    assert digest == sha256(canonical.encode()).hexdigest()


def test_an_unsigned_header_is_named() -> None:
    sent = MUTATIONS["bare upload"]["copy source added"](sign("bare upload"))
    assert Gated().send_signed(sent).element("HeadersNotSigned") == "x-amz-copy-source"


def with_url(sent: Any, old: str, new: str) -> Any:
    return replace(sent, url=sent.url.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Expires=900", "X-Amz-Expires=604801"),
        ("X-Amz-Expires=900", "X-Amz-Expires=-1"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        ("%2Feu-west-1%2F", "%2Feu-west-2%2F"),
        ("%2Fs3%2F", "%2Fsts%2F"),
        ("aws4_request", "aws3_request"),
        ("X-Amz-Date=20260921", "X-Amz-Date=20260922"),
    ],
)
def test_a_malformed_query_is_named_as_such(old: str, new: str) -> None:
    response = Gated().send_signed(with_url(sign("download"), old, new))
    assert (response.status, response.code) == (400, "AuthorizationQueryParametersError")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "POST"])
def test_an_anonymous_request_is_refused(method: str) -> None:
    gated = Gated()
    assert gated.send(method, "/bucket/a", {"Host": HOST}).status == 403
    assert not gated.stored


@pytest.mark.parametrize(
    ("target", "status"),
    [("/bucket", 200), ("/bucket/", 200), ("/bucket?delete", 403), ("/bucket/a", 403), ("/", 403)],
)
def test_a_signed_form_does_nothing_but_store_a_file(target: str, status: int) -> None:
    address = Address(scheme="http", host=HOST, path_prefix="/bucket/", region=REGION)
    form = PostObject(max_content_length=10)
    more: dict[str, Any] = {"encryption": None, "now": NOW, "expires_in": 60}
    fields = presign_form(Signer(SESSION, address), form, "a", bucket="bucket", **more)
    sent = httpx.Request("POST", f"http://{HOST}", data=fields, files={"file": ("a", b"hello")})
    gated = Gated()
    assert gated.send("POST", target, dict(sent.headers), sent.read()).status == status
    assert gated.stored == ([sent.content] if status == 200 else [])


@pytest.mark.parametrize("authorization", ["Bearer demo", "Basic eDpkZW1v", "AWS AKIA:sig"])
def test_another_authorization_is_refused(authorization: str) -> None:
    headers = {"Host": HOST, "Authorization": authorization}
    response = Gated().send("GET", "/bucket/a", headers)
    assert (response.status, response.code) == (400, "InvalidArgument")


def test_a_key_sent_along_with_a_signed_url_is_refused() -> None:
    sent = sign("download")
    response = Gated().send_signed(replace(sent, headers={"Authorization": "Bearer demo"}))
    assert response.element("Message").startswith("Only one auth mechanism allowed")


def test_preflights_and_the_health_check_pass() -> None:
    gated = Gated()
    assert gated.send("OPTIONS", "/bucket/a", {"Origin": "https://a.example"}).status == 200
    assert gated.send("GET", "/moto-api/", {}).status == 200
    assert gated.send("POST", "/moto-api/reset", {}).status == 403


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"Content-Length": "14"}, BODY, "IncompleteBody"),
        ({"Content-Length": "x"}, BODY, "InvalidArgument"),
        ({"Transfer-Encoding": "chunked"}, BODY, "MissingContentLength"),
        ({"Content-Length": str(6 * 1024**3)}, BODY, "EntityTooLarge"),
    ],
)
def test_an_upload_has_its_whole_length(headers: dict[str, str], body: bytes, code: str) -> None:
    keys = BotocoreCredentials(ROOT.access_key_id, ROOT.secret_access_key)
    with clock(NOW):
        request = AWSRequest("PUT", f"http://{HOST}/bucket/a")
        S3SigV4QueryAuth(keys, "s3", REGION, expires=60).add_auth(request)
    target = request.url.partition(HOST)[2]
    assert Gated().send("PUT", target, {"Host": HOST, **headers}, body).code == code


def test_a_target_that_is_not_utf8_is_refused() -> None:
    assert Gated().send("GET", "/bucket/%ff", {"Host": HOST}).code == "InvalidURI"
