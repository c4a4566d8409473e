"""CORS: only pages of the configured origins may call Uppy's routes."""

import httpx
import pytest

from tests.protocols.uppy.harness import MULTIPART, PARAMS, PDF, SIGN, settings, start_harness
from tests.support.app import app_of

APP = "https://app.example"
ADMIN = "https://admin.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}
ALLOWED = "access-control-allow-origin"


async def preflight(client: httpx.AsyncClient, path: str, origin: str, **more: str) -> str | None:
    answer = await client.options(path, headers={"Origin": origin, **PREFLIGHT, **more})
    allowed: str | None = answer.headers.get(ALLOWED)
    return allowed


@pytest.mark.parametrize("path", [PARAMS, MULTIPART, f"{MULTIPART}/u/complete", SIGN])
async def test_uppys_origins_may_call_only_uppys_routes(path: str) -> None:
    configured = settings({"origins": [APP]}, server={"cors_origins": [ADMIN]})
    async with start_harness(configured) as harness:
        for method in ("GET", "POST", "DELETE"):
            params = {"Access-Control-Request-Method": method}
            assert await preflight(harness.client, path, APP, **params) == APP
        assert await preflight(harness.client, path, ADMIN) is None
        assert await preflight(harness.client, "/v1/download-urls", APP) is None
        assert await preflight(harness.client, "/v1/download-urls", ADMIN) == ADMIN


async def test_a_page_may_read_answers_and_problems() -> None:
    async with start_harness(settings({"origins": [APP]})) as harness:
        for params in (PDF, {}):
            answer = await harness.client.get(PARAMS, params=params, headers={"Origin": APP})
            assert answer.headers.get_list(ALLOWED) == [APP]
            assert "access-control-allow-credentials" not in answer.headers
        other = await harness.client.get(PARAMS, params=PDF, headers={"Origin": ADMIN})
        assert ALLOWED not in other.headers


async def test_without_origins_there_is_no_cors() -> None:
    async with start_harness(settings(server={"cors_origins": [ADMIN]})) as harness:
        for origin in (APP, ADMIN):
            assert await preflight(harness.client, PARAMS, origin) is None


async def test_calls_count_against_max_in_flight() -> None:
    async with start_harness(settings(server={"max_in_flight": 1})) as harness:
        app_of(harness.client).parts.limits.requests.acquire()
        answer = await harness.client.get(PARAMS, params=PDF)
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
