"""`POST /sts` as SDKs send it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import pytest

from service.auth.token_verifier import TokenVerifier
from service.protocols.sts.documents import credentials_document
from service.protocols.sts.request import AssumeRole
from service.protocols.vended_credentials import VendedCredentials
from service.sessions.lifetime import GrantedLifetime, Validity
from service.sessions.session import Session
from service.signing.sigv4 import Credentials
from tests.api.sentinels import Shown, logging_as_served
from tests.app.services.harness import issuer
from tests.auth.mint import SUBJECT, ed_key, make_token
from tests.protocols.sts.harness import (
    GRANT,
    STS,
    assume,
    make_form,
    make_sts_settings,
    refusal,
    text_of,
)
from tests.support.app import API_KEY, SECRET, TOKEN, app_of, make_app_settings, run_app

_NO_END: Final = ("\n\n", "\n ", "\t", "\n\r")
VALIDITY: Final = Validity(1_800_000_000, GrantedLifetime(3600, None))


@pytest.mark.parametrize("path", ["/sts", "/sts/"])
async def test_a_program_gets_credentials(path: str) -> None:
    async with run_app(make_sts_settings()) as client:
        answer = await client.post(path, data=make_form())
    assert answer.status_code == 200
    assert text_of(answer, "AccessKeyId") == "ASIAEXAMPLE"
    assert text_of(answer, "SecretAccessKey") == SECRET
    assert text_of(answer, "SessionToken") == TOKEN
    assert text_of(answer, "SubjectFromWebIdentityToken") == "tester"
    session = "arn:aws:sts::000000000000:assumed-role/demo/botocore-session-1"
    assert text_of(answer, "Arn") == session
    ends = datetime.fromisoformat(text_of(answer, "Expiration") or "")
    assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(hours=1)


async def test_a_token_of_an_issuer_is_accepted() -> None:
    by_token = {"issuer": "cluster-a", "subject": SUBJECT, "grants": [GRANT]}
    async with issuer() as served:
        settings = make_app_settings(
            issuers={"cluster-a": served.configured()}, callers=[by_token], sts=True
        )
        async with run_app(settings) as client:
            answer = await assume(client, WebIdentityToken=make_token(ed_key("one")))
    assert (answer.status_code, text_of(answer, "SubjectFromWebIdentityToken")) == (200, SUBJECT)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_a_file_of_a_token_may_end_in_a_newline(end: str) -> None:
    """Botocore and others send the whole file, and editors end it with one."""
    async with run_app(make_sts_settings()) as client:
        assert (await assume(client, WebIdentityToken=f"{API_KEY}{end}")).status_code == 200


@pytest.mark.parametrize(
    "token",
    ["wrong", "", None, "é", "Bearer x", "a b", "\n", *(f"{API_KEY}{end}" for end in _NO_END)],
)
async def test_an_unknown_token_is_refused_without_401(token: str | None) -> None:
    async with run_app(make_sts_settings()) as client:
        answer = await assume(client, WebIdentityToken=token)
    assert refusal(answer) == (400, "InvalidIdentityToken", "Sender")


async def test_the_header_is_no_token() -> None:
    """The client's own header has a key that is valid elsewhere."""
    anonymous = {"unsafe_anonymous_caller": {"grants": [GRANT]}}
    async with run_app(make_sts_settings(**anonymous)) as client:
        assert refusal(await assume(client, WebIdentityToken=None))[1] == "InvalidIdentityToken"
        client.headers.pop("Authorization")
        assert refusal(await assume(client, WebIdentityToken=None))[1] == "InvalidIdentityToken"


class ExpiredTokens:
    """A verifier that knows `expired` as a token that was valid once."""

    def known(self, _: str) -> None:
        return None

    async def identify(self, _: str) -> None:
        return None

    async def has_expired(self, token: str) -> bool:
        return token == "expired"


async def test_an_expired_token_is_said_to_be_expired() -> None:
    lines: list[bytes] = []
    async with run_app(make_sts_settings(), audit=lines.extend) as client:
        app_of(client).parts.tokens = cast("TokenVerifier", ExpiredTokens())
        expired = await assume(client, WebIdentityToken="expired")
        forged = await assume(client, WebIdentityToken="forged")
    assert refusal(expired) == (400, "ExpiredTokenException", "Sender")
    assert refusal(forged) == (400, "InvalidIdentityToken", "Sender")
    for line in map(json.loads, lines):
        assert (line["route"], line["reason"]) == ("/sts", "unauthenticated")
        assert "subject" not in line


@pytest.mark.parametrize("bucket", ["closed", "unknown", "%2e", "ü"])
async def test_a_foreign_and_an_unknown_bucket_look_the_same(bucket: str) -> None:
    async with run_app(make_sts_settings()) as client:
        answer = await assume(client, RoleArn=f"arn:aws:iam::000000000000:role/{bucket}")
    assert refusal(answer) == (403, "AccessDenied", "Sender")
    assert text_of(answer, "Message") == "You have no grant for this bucket, key and operation."


async def test_the_rate_counts_credentials() -> None:
    async with run_app(make_sts_settings(rate_limit="1/hour")) as client:
        assert (await assume(client)).status_code == 200
        answer = await assume(client)
    assert refusal(answer) == (429, "Throttling", "Sender")
    assert int(answer.headers["retry-after"]) >= 1


async def test_without_a_session_the_program_tries_again() -> None:
    async with run_app(make_sts_settings(), failure=ConnectionError()) as client:
        answer = await assume(client)
    assert refusal(answer) == (503, "ServiceUnavailable", "Receiver")
    assert int(answer.headers["retry-after"]) >= 1


async def test_other_methods_are_refused() -> None:
    async with run_app(make_sts_settings()) as client:
        answer = await client.get("/sts")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_the_audit_line_is_that_of_credentials_with_the_route() -> None:
    lines: list[bytes] = []
    async with run_app(make_sts_settings(), audit=lines.extend) as client:
        await assume(client)
        await client.get("/v1/credentials/demo")
    at_sts, at_endpoint = map(json.loads, lines)
    assert at_sts.pop("route") == "/sts"
    for own in ("time", "request_id"):
        assert at_sts.pop(own) != ""
        at_endpoint.pop(own)
    assert at_sts == at_endpoint
    assert at_sts["action"] == "VendCredentials"


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
async def test_a_secret_is_only_in_the_answer(level: str) -> None:
    shown = Shown()
    with logging_as_served(level, shown.log):
        async with run_app(make_sts_settings(), audit=shown.audit_trail.extend) as client:
            assert SECRET in (await assume(client)).text
            for changed in (
                {"WebIdentityToken": SECRET},
                {"RoleSessionName": f"{API_KEY}!"},
                {"DurationSeconds": SECRET},
                {"Policy": SECRET},
            ):
                shown.add(await assume(client, **changed))
            shown.add(await client.post(f"/sts?WebIdentityToken={API_KEY}", data=make_form()))
            shown.add(await client.get("/metrics"))
    assert b"VendCredentials" in b"".join(shown.audit_trail)
    shown.assert_no_secret()


async def test_a_reload_turns_it_off_and_on() -> None:
    async with run_app(make_sts_settings()) as client:
        services = app_of(client).services
        await services.reconfigure(make_app_settings(GRANT))
        off = await assume(client)
        await services.reconfigure(make_sts_settings())
        assert (await assume(client)).status_code == 200
    assert refusal(off) == (403, "AccessDenied", "Sender")
    assert "is not configured here" in (text_of(off, "Message") or "")


def test_a_subject_that_xml_cannot_write_is_replaced() -> None:
    asked = AssumeRole(bucket="demo", session_name="a", token="t")
    keys = Credentials(access_key_id="A", secret_access_key=SECRET, session_token=TOKEN)
    session = Session(
        credentials=keys, name="n", starts_at=0, expires_at=3600, server_time_at_boot=0
    )
    vended = VendedCredentials(session, VALIDITY)
    document = credentials_document(asked, "a\x00<&\ud800", vended, "id").decode()
    assert "<SubjectFromWebIdentityToken>a\ufffd&lt;&amp;\ufffd</" in document
    assert STS.strip("{}") in document
