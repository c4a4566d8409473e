"""Which pages may call: those of Uppy's own origins, and no others."""

import httpx
import pytest

from tests.api.conftest import open_grant, running, settings_with
from tests.protocols.uppy.harness import MULTIPART, PARAMS, PDF, SIGN, a_house, settings

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
async def test_uppys_pages_may_call_uppys_routes_and_no_others(path: str) -> None:
    configured = settings({"origins": [APP]}, server={"cors_origins": [ADMIN]})
    async with a_house(configured) as house:
        for method in ("GET", "POST", "DELETE"):
            asked = {"Access-Control-Request-Method": method}
            assert await preflight(house.client, path, APP, **asked) == APP
        assert await preflight(house.client, path, ADMIN) is None
        assert await preflight(house.client, "/v1/download-urls", APP) is None
        assert await preflight(house.client, "/v1/download-urls", ADMIN) == ADMIN


async def test_a_page_may_read_its_answer_and_why_it_was_refused() -> None:
    async with a_house(settings({"origins": [APP]})) as house:
        for params in (PDF, {}):
            answer = await house.client.get(PARAMS, params=params, headers={"Origin": APP})
            assert answer.headers.get_list(ALLOWED) == [APP]
            assert "access-control-allow-credentials" not in answer.headers
        other = await house.client.get(PARAMS, params=PDF, headers={"Origin": ADMIN})
        assert ALLOWED not in other.headers


async def test_without_origins_no_page_of_elsewhere_may_call() -> None:
    """As behind a proxy that adds the caller's Authorization."""
    async with a_house(settings(server={"cors_origins": [ADMIN]})) as house:
        for origin in (APP, ADMIN):
            assert await preflight(house.client, PARAMS, origin) is None


async def test_the_calls_count_among_those_under_way() -> None:
    configured = settings_with(
        open_grant(), uppy={"bucket": "demo", "prefix": "{caller}/"}, server={"max_in_flight": 1}
    )
    async with running(configured) as client:
        transport: httpx.ASGITransport = client._transport  # type: ignore[assignment]  # house.py gave it
        transport.app.fast_path._limiter.acquire()  # type: ignore[attr-defined]  # the app is ours
        answer = await client.get(PARAMS, params=PDF)
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
