"""CORS for pages with Uppy, and the limit of requests in progress."""

import httpx
import pytest

from tests.protocols.uppy.harness import MULTIPART, PARAMS, PDF, SIGN, settings, start_harness
from tests.support.app import app_of

APP = "https://app.example"
OTHER = "https://other.example"
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
async def test_pages_of_cors_origins_may_call(path: str) -> None:
    async with start_harness(settings(server={"cors_origins": [APP]})) as harness:
        for method in ("GET", "POST", "DELETE"):
            params = {"Access-Control-Request-Method": method}
            assert await preflight(harness.client, path, APP, **params) == APP
        assert await preflight(harness.client, path, OTHER) is None


async def test_a_page_may_read_answers_and_problems() -> None:
    async with start_harness(settings(server={"cors_origins": [APP]})) as harness:
        for params in (PDF, {}):
            answer = await harness.client.get(PARAMS, params=params, headers={"Origin": APP})
            assert answer.headers.get_list(ALLOWED) == [APP]
            assert "access-control-allow-credentials" not in answer.headers
        other = await harness.client.get(PARAMS, params=PDF, headers={"Origin": OTHER})
        assert ALLOWED not in other.headers


async def test_calls_count_against_max_in_flight() -> None:
    async with start_harness(settings(server={"max_in_flight": 1})) as harness:
        app_of(harness.client).parts.limits.requests.acquire()
        answer = await harness.client.get(PARAMS, params=PDF)
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
