"""What a client gets for a request that its grants allow, and the limits of the grants."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

import pytest

from service.errors import CredentialsUnavailable
from tests.protocols.remote_signing.harness import (
    ALLOW,
    GRANT,
    ORIGIN,
    PATH_STYLE,
    SIGN,
    Harness,
    make_body,
    one_each,
    signed_names,
    start_harness,
)
from tests.support.app import TOKEN, make_app_settings, make_open_grant, run_app

BODY: Final = "<Delete><Object><Key>wh/a</Key></Object><Object><Key>wh/b</Key></Object></Delete>"
UPLOAD: Final = one_each(Content_Length="5", Content_Type="text/csv")
WITHOUT_BODY: Final = ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]


@pytest.fixture(name="harness")
async def _harness() -> AsyncIterator[Harness]:
    async with start_harness() as harness:
        yield harness


async def test_a_read_signs_only_its_url(harness: Harness) -> None:
    sent = one_each(Range="bytes=0-9", User_Agent="a", If_None_Match='"e"', Content_Length="0")
    headers = await harness.sign(headers=sent)
    assert signed_names(headers) == WITHOUT_BODY
    assert headers.keys() == {"Authorization", *WITHOUT_BODY[1:]}
    assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert headers["x-amz-security-token"] == TOKEN


@pytest.mark.parametrize(
    ("method", "key", "headers", "expected"),
    [
        ("GET", "wh/a", {}, "private"),
        ("HEAD", "wh/a", one_each(Range="bytes=0-9"), "private"),
        ("GET", "?list-type=2&prefix=wh%2F", {}, "private"),
        ("GET", "wh/a", one_each(x_amz_content_sha256="UNSIGNED-PAYLOAD"), "private"),
        ("GET", "wh/a", one_each(x_amz_checksum_mode="ENABLED"), "no-cache"),
        ("GET", "wh/a", one_each(x_amz_request_payer="requester"), "no-cache"),
        ("PUT", "wh/a", {}, "no-cache"),
        ("DELETE", "wh/a", {}, "no-cache"),
        ("POST", "wh/a?uploads", {}, "no-cache"),
    ],
)
async def test_only_what_fits_every_equal_url_is_private(
    harness: Harness, method: str, key: str, headers: dict[str, list[str]], expected: str
) -> None:
    """Java's cache knows method, region and URI only."""
    answer = await harness.ask(method, key, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers.get_list("cache-control") == [expected]


async def test_the_uri_comes_back_as_it_was_sent(harness: Harness) -> None:
    uri = f"{ORIGIN}/wh/caf%C3%A9%20%26?versionId=v&partNumber=2"
    grant = make_open_grant(prefix="wh/", allow=[*ALLOW, "versions"])
    async with start_harness(grant) as versions:
        answer = await versions.ask(uri=uri)
        assert answer.json()["uri"] == uri
    assert (await harness.ask(uri=uri)).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        SIGN,
        "/v1/aws/s3/sign",
        "/sign/demo/v1/main/namespaces/a%1Fb/tables/t/sign",
    ],
)
async def test_each_path_of_icebergs_clients_signs(harness: Harness, path: str) -> None:
    assert "Authorization" in await harness.sign(path=path)


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("GET", "wh/a"),
        ("HEAD", "wh/a"),
        ("PUT", "wh/a"),
        ("DELETE", "wh/a"),
        ("POST", "wh/a?uploads"),
        ("POST", "wh/a?uploads="),
        ("PUT", "wh/a?partNumber=1&uploadId=u"),
        ("POST", "wh/a?uploadId=u"),
        ("GET", "wh/a?uploadId=u&max-parts=9"),
        ("DELETE", "wh/a?uploadId=u&x-id=AbortMultipartUpload"),
        ("GET", "?list-type=2&prefix=wh%2F&delimiter=&encoding-type=url"),
        ("POST", "?delete"),
    ],
)
async def test_each_call_needs_its_operation(method: str, key: str) -> None:
    operations = {
        ("GET", "wh/a"): "download",
        ("HEAD", "wh/a"): "head",
        ("PUT", "wh/a"): "upload",
        ("DELETE", "wh/a"): "delete",
        ("POST", "?delete"): "delete",
    }
    operation = "list" if key.startswith("?list") else operations.get((method, key), "multipart")
    needed = make_open_grant(prefix="wh/", allow=[operation, "sign"])
    others = make_open_grant(prefix="wh/", allow=[each for each in ALLOW if each != operation])
    unsigned = make_open_grant(prefix="wh/", allow=[operation])
    async with start_harness(needed) as harness:
        assert "Authorization" in await harness.sign(method, key)
    async with start_harness(others, unsigned) as harness:  # two grants do not add up
        assert (await harness.refusal(method, key))[0] == 403


async def test_what_a_store_acts_on_is_signed_with_a_write(harness: Harness) -> None:
    sent = UPLOAD | one_each(
        **{"If-None-Match": "*", "x-amz-meta-author": "ann", "x-amz-acl": "private"},
        Content_MD5="rL0Y20zC+Fzt72VPzMSk2A==",
        Cache_Control="private",
        User_Agent="a",
        amz_sdk_invocation_id="1",
        x_amzn_trace_id="Root=1",
        x_amz_content_sha256="0" * 64,
    )
    headers = await harness.sign("PUT", headers=sent)
    assert set(signed_names(headers)) == {
        *WITHOUT_BODY,
        *("cache-control", "content-length", "content-md5", "content-type", "if-none-match"),
        *("x-amz-acl", "x-amz-meta-author"),
    }
    assert headers.keys() == {"Authorization", "x-amz-date", "x-amz-security-token"}


LIMITED: Final = make_open_grant(
    prefix="wh/",
    allow=["upload", "sign"],
    max_content_length=5,
    content_types=["text/csv"],
    allow_overwrite=False,
)
NEW: Final = UPLOAD | {"If-None-Match": ["*"]}


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        (NEW, 200, ""),
        (NEW | {"Content-Length": ["6"]}, 403, "Your grant allows at most 5 bytes."),
        (UPLOAD, 403, "Your grant does not allow overwriting."),
        ({"If-None-Match": ["*"]}, 400, "Your grant allows at most 5 bytes. Send Content-Length."),
        (
            {"If-None-Match": ["*"], "Content-Length": ["5"]},
            400,
            "Your grant allows these types: text/csv. Give one.",
        ),
        (NEW | {"Content-Type": ["a/b"]}, 403, "Your grant allows these types: text/csv."),
    ],
)
async def test_limits_hold_for_what_is_signed(
    headers: dict[str, list[str]], status: int, message: str
) -> None:
    async with start_harness(LIMITED) as harness:
        answer = await harness.ask("PUT", headers=headers)
        assert answer.status_code == status, answer.text
        assert status == 200 or answer.json()["error"]["message"] == message


@pytest.mark.parametrize("limit", [{"max_content_length": 5}, {"content_types": ["text/csv"]}])
async def test_a_copy_has_neither_size_nor_type(limit: dict[str, Any]) -> None:
    grant = make_open_grant(prefix="wh/", allow=["upload", "download", "sign"], **limit)
    async with start_harness(grant) as harness:
        sent = UPLOAD | {"x-amz-copy-source": ["demo/wh/b"]}
        assert (await harness.refusal("PUT", headers=sent))[0] == 400


@pytest.mark.parametrize("condition", [{}, {"If-None-Match": ["*"]}])
async def test_a_completion_overwrites_only_if_granted(condition: dict[str, list[str]]) -> None:
    grant = make_open_grant(prefix="wh/", allow=ALLOW, allow_overwrite=False)
    async with start_harness(grant) as harness:
        answer = await harness.ask("POST", "wh/a?uploadId=u", headers=condition)
        assert answer.status_code == (200 if condition else 403)


async def test_create_only_needs_a_store_that_has_it() -> None:
    async with start_harness(conditional_writes=False) as harness:
        assert (await harness.refusal("PUT", headers={"If-None-Match": ["*"]}))[0] == 400
        assert "Authorization" in await harness.sign("PUT")


async def test_a_copy_is_a_download_and_an_upload(harness: Harness) -> None:
    sent = one_each(x_amz_copy_source="/demo/wh/caf%C3%A9")
    assert "x-amz-copy-source" in signed_names(await harness.sign("PUT", headers=sent))
    assert harness.audit_lines[-1]["keys"] == ["wh/a", "wh/caf\u00e9"]
    async with start_harness(
        make_open_grant(prefix="wh/", allow=["upload", "sign"]),
        make_open_grant(prefix="wh/", allow=["download"]),
    ) as without:
        assert (await without.refusal("PUT", headers=sent))[0] == 403


async def test_encryption_of_the_bucket_is_added() -> None:
    async with start_harness(encryption={"algorithm": "AES256"}) as harness:
        name = "x-amz-server-side-encryption"
        for method, key in (("PUT", "wh/a"), ("POST", "wh/a?uploads")):
            headers = await harness.sign(method, key)
            assert headers[name] == "AES256"
            assert name in signed_names(headers)
        sent = await harness.sign("PUT", headers={name: ["AES256"]})
        assert name in signed_names(sent)
        assert name not in sent
        assert (await harness.refusal("PUT", headers={name: ["aws:kms"]}))[0] == 400
        assert name not in await harness.sign("PUT", "wh/a?partNumber=1&uploadId=u")


async def test_the_hash_of_a_deletions_body_is_signed(harness: Harness) -> None:
    headers = await harness.sign("POST", "?delete", body=BODY)
    assert headers["x-amz-content-sha256"] == hashlib.sha256(BODY.encode()).hexdigest()
    assert harness.audit_lines[-1]["keys"] == ["wh/a", "wh/b"]
    assert harness.audit_lines[-1]["action"] == "DeleteObjects"


async def test_a_deletion_without_body_is_left_to_the_session(harness: Harness) -> None:
    """PyIceberg sends no body; the session's own policy allows to delete below `wh/` only."""
    headers = await harness.sign("POST", "?delete")
    assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert harness.audit_lines[-1]["keys"] == []


@pytest.mark.parametrize(
    ("body", "sent", "status"),
    [
        (BODY, None, 200),
        (BODY, hashlib.sha256(BODY.encode()).hexdigest(), 200),
        (BODY, "0" * 64, 400),
        (BODY, "UNSIGNED-PAYLOAD", 400),
        (BODY, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 400),
        (None, None, 400),
        (None, "0" * 64, 400),
    ],
)
async def test_a_shared_session_deletes_only_what_was_read(
    body: str | None, sent: str | None, status: int
) -> None:
    headers = {} if sent is None else {"x-amz-content-sha256": [sent]}
    async with start_harness(scoped_sessions=False) as harness:
        answer = await harness.ask("POST", "?delete", headers=headers, body=body)
        assert answer.status_code == status, answer.text


async def test_a_thousand_keys_are_judged_one_by_one(harness: Harness) -> None:
    def body(*keys: str) -> str:
        return f"<Delete>{''.join(f'<Object><Key>{key}</Key></Object>' for key in keys)}</Delete>"

    many = [f"wh/{'k' * 900}{n}" for n in range(1000)]
    assert "Authorization" in await harness.sign("POST", "?delete", body=body(*many))
    assert (await harness.refusal("POST", "?delete", body=body(*many[1:], "other/a")))[0] == 403


async def test_a_body_over_its_bound_is_refused_unread(harness: Harness) -> None:
    body = make_body("POST", "?delete", body="x" * 2 * 1024**2)
    answer = await harness.client.post(SIGN, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, 413)


async def test_a_body_that_is_no_json_is_refused(harness: Harness) -> None:
    answer = await harness.client.post(SIGN, content=b'{"uri": evil')
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "BadRequestException")
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    ("uri", "is_shared"),
    [
        ("http://store.test:9000/demo/wh/a", True),
        ("http://store.test:9000/demo?list-type=2&prefix=wh%2F", True),
        ("http://demo.store.test:9000/wh/a", False),
        ("http://inner.test/demo/wh/a", True),
    ],
)
async def test_a_shared_session_signs_in_the_style_of_the_store_only(
    uri: str, *, is_shared: bool
) -> None:
    """A store without virtual hosts reads the path of one as another bucket and key."""
    inner = replace(PATH_STYLE, host="inner.test")
    address = replace(PATH_STYLE, inner=inner)
    more = {"addresses": dict.fromkeys(("demo", "closed"), address)}
    async with start_harness(more=more) as harness:
        assert "Authorization" in await harness.sign(uri=uri)
    async with start_harness(more=more, scoped_sessions=False) as harness:
        assert ((await harness.ask(uri=uri)).status_code == 200) is is_shared


async def test_a_caller_without_sign_learns_nothing() -> None:
    none = make_open_grant(prefix="wh/", allow=["download"])
    other = {**GRANT, "bucket": "closed"}
    async with start_harness(none, other) as without:
        answers = [
            await without.refusal(**changes)
            for changes in (
                {},
                {"uri": "x://"},
                {"region": "x"},
                {"method": "MOVE"},
                {"path": "/sign/unknown/v1/aws/s3/sign"},
            )
        ]
    assert {*answers} == {(403, "You have no grant for this bucket, key and operation.")}


async def test_without_a_grant_for_sign_there_is_no_route() -> None:
    async with run_app(make_app_settings(make_open_grant())) as client:
        for path in (SIGN, "/v1/aws/s3/sign"):
            answer = await client.post(path, json=make_body("GET", "wh/a"))
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_only_bearer_authenticates(harness: Harness) -> None:
    answer = await harness.client.post(
        SIGN, json=make_body("GET", "wh/a"), headers={"Authorization": "Basic eDpjb3JyZWN0"}
    )
    error = answer.json()["error"]
    assert (error["code"], error["type"]) == (401, "NotAuthorizedException")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_signatures_count_against_the_rate() -> None:
    settings = make_app_settings(GRANT, rate_limit="3/hour")
    async with run_app(settings) as client:
        many = make_body("POST", "?delete", body=BODY)  # two keys
        assert (await client.post(SIGN, json=many)).status_code == 200
        assert (await client.post(SIGN, json=make_body("GET", "wh/a"))).status_code == 200
        answer = await client.post(SIGN, json=make_body("GET", "wh/a"))
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (429, "TooManyRequestsException")
    assert int(answer.headers["retry-after"]) > 0


async def test_without_a_session_nothing_is_signed() -> None:
    failure = CredentialsUnavailable("STS fails.")
    async with start_harness(more={"failure": failure}) as harness:
        answer = await harness.ask()
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["error"]["type"] == "ServiceUnavailableException"


async def test_each_signature_has_its_audit_line(harness: Harness) -> None:
    await harness.sign("PUT", "wh/a?partNumber=1&uploadId=u")
    assert (await harness.ask("PUT", "other/a")).status_code == 403
    assert (await harness.ask("PUT", "wh/..")).status_code == 400
    allowed, denied, unread = harness.audit_lines
    names = ("decision", "operation", "action", "upload_id", "keys", "expires_in", "reason")
    assert [allowed.get(name) for name in names] == [
        *("allowed", "multipart", "UploadPart", "u", ["wh/a"], 900, None)
    ]
    assert [denied.get(name) for name in names] == [
        *("denied", "upload", "PutObject", None, ["other/a"], None, "forbidden")
    ]
    assert (unread["decision"], unread["reason"]) == ("denied", "invalid_request")
    assert unread["route"] == "/sign/{path:path}"
    shown = b"".join(harness.audit_bytes).decode()
    assert "Signature" not in shown
    assert TOKEN not in shown
