"""`GET /v1/credentials/{bucket}` as AWS SDKs request it."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.api.sentinels import Shown, logging_as_served
from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.support.app import API_KEY, SECRET, TOKEN, make_app_settings, run_app

GRANT: Final = {"bucket": "demo", "prefix": "a/", "allow": ["download", "list", "credentials"]}
PATH: Final = "/v1/credentials/demo"


@pytest.mark.parametrize("authorization", [API_KEY, f"Bearer {API_KEY}", f"bearer {API_KEY}"])
async def test_an_sdk_gets_credentials(authorization: str) -> None:
    async with run_app(make_app_settings(GRANT)) as client:
        answer = await client.get(PATH, headers={"Authorization": authorization})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    ends = datetime.strptime(found.pop("Expiration"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(hours=1)
    assert found == {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": SECRET, "Token": TOKEN}


@pytest.mark.parametrize(
    ("authorization", "path", "status", "code", "message"),
    [
        ("wrong", PATH, 401, "unauthenticated", "valid API key or token"),
        (f"Basic {API_KEY}", PATH, 401, "unauthenticated", "valid API key or token"),
        (f"Basic eDpj{API_KEY}", PATH, 401, "unauthenticated", "valid API key or token"),
        (API_KEY, "/v1/credentials/closed", 403, "forbidden", "You have no grant"),
        (API_KEY, "/v1/credentials/unknown", 403, "forbidden", "You have no grant"),
        (API_KEY, f"{PATH}?permission=WRITE", 403, "forbidden", "You have no grant"),
        (API_KEY, f"{PATH}?permission=read", 422, "invalid_request", "#/permission: "),
        (API_KEY, f"{PATH}?prefix=a/*", 422, "invalid_request", "A prefix cannot"),
        (API_KEY, f"{PATH}?prefix=a/&prefix=b/", 422, "invalid_request", "more than once"),
        (API_KEY, f"{PATH}?durationSeconds=60", 422, "invalid_request", "#/durationSeconds: "),
    ],
)
async def test_a_refusal_has_the_form_of_sdks(
    authorization: str, path: str, status: int, code: str, message: str
) -> None:
    async with run_app(make_app_settings(GRANT)) as client:
        answer = await client.get(path, headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message", "request_id"}
    assert message in answer.json()["message"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert (answer.headers.get("www-authenticate") == "Bearer") is (status == 401)


async def test_a_failing_sts_says_when_to_retry() -> None:
    async with run_app(make_app_settings(GRANT), failure=ConnectionError()) as client:
        answer = await client.get(PATH)
    assert (answer.status_code, answer.json()["code"]) == (503, "credentials_unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_the_rate_counts_credentials() -> None:
    settings = make_app_settings(GRANT, rate_limit="2/hour")
    async with run_app(settings) as client:
        statuses = [(await client.get(PATH)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_without_a_grant_for_it_the_route_gives_nothing() -> None:
    async with run_app(make_app_settings({**GRANT, "allow": ["download"]})) as client:
        answer = await client.get(PATH)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_credentials_are_counted_by_operation() -> None:
    async with run_app(make_app_settings(GRANT)) as client:
        await client.get(PATH)
        scraped = (await client.get("/metrics")).text
    assert 'presign_signed_total{bucket="demo",operation="credentials"} 1.0' in scraped


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
async def test_a_secret_is_only_in_the_answer(level: str) -> None:
    shown = Shown()
    with logging_as_served(level, shown.log):
        async with run_app(make_app_settings(GRANT), audit=shown.audit_trail.extend) as client:
            assert SECRET in (await client.get(PATH)).text
            for path in (
                "/v1/credentials/closed",
                f"{PATH}?prefix=*",
                f"{PATH}?permission={SECRET}",
            ):
                shown.add(await client.get(path))
            shown.add(await client.get(PATH, headers={"Authorization": SECRET}))
            shown.add(await client.get("/metrics"))
    assert b"VendCredentials" in b"".join(shown.audit_trail)
    shown.assert_no_secret()


async def test_the_first_grant_for_it_needs_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "service.app.reload")
    path, vending = tmp_path / "presign.yaml", configuration()
    vending["callers"][0]["grants"][0]["allow"] = ["download", "credentials"]
    put(path, configuration())
    async with watching(path) as service:
        assert await service.changed_to(vending) == "ok"
    [message] = log_messages(caplog)
    assert message.endswith(": the first `credentials` of a grant")
