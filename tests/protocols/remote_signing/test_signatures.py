"""What a client gets for a request that its grants allow, and the limits of the grants."""

import json
from collections.abc import AsyncIterator
from typing import Final, cast

import pytest

from service.auth.token_verifier import TokenVerifier
from service.errors import CredentialsUnavailable
from service.protocols.remote_signing import remote_signer
from tests.protocols.remote_signing.harness import (
    ALLOW,
    BODY,
    GRANT,
    ORIGIN,
    SIGN,
    UPLOAD,
    Harness,
    make_body,
    one_each,
    signed_names,
    start_harness,
)
from tests.support.app import TOKEN, app_of, make_app_settings, make_open_grant, run_app

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
        "/sign/%64emo/v1/aws/s3/sign",
        "/sign/demo/v1/main/namespaces/a%1Fb/tables/t/sign",
        "/sign/demo/v1/namespaces/a/tables/t/sign",
        "/sign/demo/v1/ws%2F1/namespaces/a/tables/t/sign",
        "/sign/demo/v1/arn%3Aaws%3As3tables%3A1%3A2%3Abucket%2Fb/namespaces/a/tables/t/sign",
        "/sign/demo/v1/catalogs/111122223333/namespaces/a/tables/t/sign",
        "/sign/demo/v1/namespaces/namespaces/namespaces/tables/tables/tables/sign",
        "/sign/demo/v1/main/namespaces/a%2Fb/tables/t%2Fu/sign",
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


@pytest.mark.parametrize(
    "path",
    [
        "/sign/demo%2Fv1/aws/s3/sign",
        "/sign/demo/v1/aws%2Fs3/sign",
        "/sign/demo/v1/main/namespaces/a/b/tables/t/sign",
        "/sign/demo/v1/main/namespaces/a/tables/t/u/sign",
        "/sign/demo/v1/main/namespaces/a/tables/sign",
        "/sign//v1/namespaces/a/tables/t/sign",
    ],
)
async def test_no_other_path_signs(harness: Harness, path: str) -> None:
    assert (await harness.ask(path=path)).status_code == 404


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


async def test_without_a_grant_for_sign_the_routes_sign_nothing() -> None:
    async with run_app(make_app_settings(make_open_grant())) as client:
        for path in (SIGN, "/v1/aws/s3/sign"):
            answer = await client.post(path, json=make_body("GET", "wh/a"))
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404)


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


async def test_a_deletion_that_cannot_be_read_counts_against_the_rate() -> None:
    settings, lines = make_app_settings(GRANT, rate_limit="2/hour"), list[bytes]()
    async with run_app(settings, audit=lines.extend) as client:
        for body, status in (("<Delete><Key/></Delete>", 400), ("no XML", 400), (BODY, 429)):
            answer = await client.post(SIGN, json=make_body("POST", "?delete", body=body))
            assert answer.status_code == status
    assert [json.loads(line)["reason"] for line in lines] == [
        *("invalid_request", "invalid_request", "rate_limited")
    ]


async def test_a_deletion_over_the_rate_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[str]()
    monkeypatch.setattr(remote_signer, "deleted_objects", read.append)
    settings = make_app_settings(GRANT, rate_limit="1/hour")
    async with run_app(settings) as client:
        answer = await client.post(SIGN, json=make_body("POST", "?delete", body=BODY))
    assert answer.status_code == 429
    assert "ask for fewer at once" in answer.json()["error"]["message"]
    assert not read


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


class ExpiredTokens:
    """A verifier that knows `expired` as a token that was valid once."""

    def known(self, _: str) -> None:
        return None

    async def identify(self, _: str) -> None:
        return None

    async def has_expired(self, token: str) -> bool:
        return token == "expired"


@pytest.mark.parametrize(
    ("token", "status", "kind"),
    [
        ("expired", 419, "AuthenticationTimeoutException"),
        ("forged", 401, "NotAuthorizedException"),
    ],
)
async def test_an_expired_token_can_be_renewed(
    harness: Harness, token: str, status: int, kind: str
) -> None:
    app_of(harness.client).parts.tokens = cast("TokenVerifier", ExpiredTokens())
    answer = await harness.client.post(
        SIGN, json=make_body("GET", "wh/a"), headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == kind
    assert harness.audit_lines[-1]["reason"] == "unauthenticated"
