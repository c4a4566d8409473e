"""The metrics of requests, and of what is signed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.access.grants import Operation
from service.auth.api_keys import digest_of
from service.errors import Overloaded
from service.sessions.session import Session
from tests.support.app import (
    API_KEY,
    FixedSource,
    app_of,
    make_app_settings,
    make_fixed_sources,
    make_open_grant,
    run_app,
)
from tests.support.scrapes import GET, samples, value


@pytest.fixture(name="client")
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    async with run_app(make_app_settings(make_open_grant(max_expires_in=1800))) as client:
        yield client


# The scrape


async def test_a_scrape_needs_no_key_and_has_prometheus_format(client: httpx.AsyncClient) -> None:
    await client.post("/v1/download-urls", json=GET)
    response = await client.get("/metrics", headers={"Authorization": ""})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"
    families = {each.name: each for each in text_string_to_metric_families(response.text)}
    assert len(families) > 12
    assert [name for name in families if not name.startswith("presign_")] == []
    assert [name for name, each in families.items() if not each.documentation.endswith(".")] == []
    assert "_created" not in response.text


# Requests


DOWNLOADS: Final = "/v1/download-urls"


@pytest.mark.parametrize(
    ("method", "path", "more", "counted"),
    [
        ("POST", DOWNLOADS, {"json": GET}, (DOWNLOADS, "POST", 200)),
        ("POST", f"{DOWNLOADS}/batch", {"json": {"items": [GET]}}, (f"{DOWNLOADS}/batch", "POST", 200)),
        ("GET", "/v1/caller?a=b", {}, ("/v1/caller", "GET", 200)),
        ("GET", "/livez", {}, ("/livez", "GET", 200)),
        ("POST", DOWNLOADS, {"json": {}}, (DOWNLOADS, "POST", 422)),
        ("POST", DOWNLOADS, {"content": b"{"}, (DOWNLOADS, "POST", 400)),
        ("POST", DOWNLOADS, {"content": b" " * 70_000}, (DOWNLOADS, "POST", 413)),
        ("POST", DOWNLOADS, {"json": GET, "headers": {"Authorization": "Bearer wrong"}},
         (DOWNLOADS, "POST", 401)),
        ("POST", DOWNLOADS, {"json": {**GET, "bucket": "closed"}}, (DOWNLOADS, "POST", 403)),
        ("PATCH", DOWNLOADS, {}, (DOWNLOADS, "PATCH", 405)),
        ("BREW", DOWNLOADS, {}, (DOWNLOADS, "other", 405)),
        ("GET", "/v1/nothing", {}, ("none", "GET", 404)),
        ("GET", f"{DOWNLOADS}/a", {}, ("none", "GET", 404)),
    ],
)  # fmt: skip
async def test_a_request_is_counted_by_route_method_and_status(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    more: Mapping[str, Any],
    counted: tuple[str, str, int],
) -> None:
    await client.request(method, path, **more)
    scraped = await samples(client)
    labels = dict(zip(("route", "method", "status"), map(str, counted), strict=True))
    assert value(scraped, "http_request_seconds_count", **labels) == 1
    assert 0 < value(scraped, "http_request_seconds_sum", **labels) < 10
    # The scrape itself has not ended yet.
    assert sum(v for (n, _), v in scraped.items() if n.endswith("request_seconds_count")) == 1


async def test_a_client_that_disconnects_counts_as_499(client: httpx.AsyncClient) -> None:
    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def nowhere(message: Any) -> None:
        raise AssertionError(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/download-urls",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {API_KEY}".encode())],
    }
    await app_of(client)(scope, gone, nowhere)
    labels = {"route": "/v1/download-urls", "method": "POST", "status": "499"}
    assert value(await samples(client), "http_request_seconds_count", **labels) == 1


async def test_requests_in_flight_are_counted_until_answered_or_cancelled() -> None:
    hangs = asyncio.Event()

    class Hanging(FixedSource):
        async def fetch(self, owner: Any, policy: str | None, **more: Any) -> Session:
            await hangs.wait()
            return await super().fetch(owner, policy, **more)

    settings, sources = make_app_settings(make_open_grant()), make_fixed_sources(source=Hanging)
    listing = {"bucket": "demo", "prefix": ""}
    async with run_app(settings, open_sources=sources) as client:
        tasks = [asyncio.create_task(client.post("/v1/list-urls", json=listing)) for _ in range(3)]
        for _ in range(20):
            await asyncio.sleep(0)
        assert value(await samples(client), "http_requests_in_flight") == 4  # and the scrape
        tasks[0].cancel()
        hangs.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        scraped = await samples(client)
    assert value(scraped, "http_requests_in_flight") == 1
    labels = {"route": "/v1/list-urls", "method": "POST"}
    assert value(scraped, "http_request_seconds_count", **labels, status="503") == 1
    assert value(scraped, "http_request_seconds_count", **labels, status="200") == 2


# Signing


async def test_signed_urls_are_counted_by_operation_and_bucket(client: httpx.AsyncClient) -> None:
    form = {"bucket": "demo", "key_prefix": "", "max_content_length": 5}
    await client.post("/v1/download-urls", json=GET)
    await client.post("/v1/upload-urls", json={**GET, "content_length": 5})
    await client.post("/v1/upload-forms", json=form)
    await client.post("/v1/delete-urls/batch", json={"items": [GET] * 7})
    scraped = await samples(client)
    signed = {op: value(scraped, "signed_total", operation=op, bucket="demo") for op in Operation}
    counted = {operation: number for operation, number in signed.items() if number}
    assert counted == {"download": 1, "upload": 1, "form": 1, "delete": 7}


async def test_refusals_are_counted_by_problem_code(client: httpx.AsyncClient) -> None:
    items = [GET, {**GET, "bucket": "closed"}, {**GET, "bucket": "nowhere"}]
    await client.post("/v1/download-urls/batch", json={"items": items})
    await client.post("/v1/download-urls", json={**GET, "min_expires_in": 1801})
    scraped = await samples(client)
    assert value(scraped, "signed_total", operation="download", bucket="demo") == 1
    assert value(scraped, "refused_total", code="forbidden") == 2
    assert value(scraped, "refused_total", code="lifetime_unavailable") == 1


@pytest.mark.parametrize(
    ("requested", "by"), [(1800, None), (1801, "grant"), (5000, "grant"), (None, None)]
)
async def test_a_limited_lifetime_is_counted_by_what_limited_it(
    client: httpx.AsyncClient, requested: int | None, by: str | None
) -> None:
    lifetime = {} if requested is None else {"expires_in": requested}
    await client.post("/v1/download-urls", json=GET | lifetime)
    scraped = await samples(client)
    counted = {
        each: value(scraped, "lifetimes_limited_total", by=each) for each in ("grant", "session")
    }
    assert counted == {"grant": 0, "session": 0} | ({by: 1} if by else {})


async def test_a_lifetime_limited_by_the_session_is_counted() -> None:
    async with run_app(make_app_settings(make_open_grant())) as client:
        await client.post("/v1/download-urls", json=GET | {"expires_in": 7200})
        assert value(await samples(client), "lifetimes_limited_total", by="session") == 1


async def test_an_audit_failure_is_not_counted_as_signed() -> None:
    def full(lines: object) -> None:
        raise Overloaded("full", retry_after=1)

    async with run_app(make_app_settings(make_open_grant()), audit=full) as client:
        assert (await client.post("/v1/download-urls", json=GET)).status_code == 503
        await client.post("/v1/download-urls/batch", json={"items": [GET] * 9})
        scraped = await samples(client)
    assert value(scraped, "audit_failures_total") == 2
    assert value(scraped, "signed_total", operation="download", bucket="demo") == 0


@pytest.mark.parametrize(("url", "failures"), [(None, 0), ("redis://127.0.0.1:1/0", 3)])
async def test_rate_limited_requests_and_store_failures_are_counted(
    url: str | None, failures: int
) -> None:
    server = {"rate_limit_url": url} if url else {}
    settings = make_app_settings(make_open_grant(), rate_limit="2/hour", server=server)
    async with run_app(settings) as client:
        responses = [await client.post("/v1/download-urls", json=GET) for _ in range(3)]
        scraped = await samples(client)
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert value(scraped, "refused_total", code="rate_limited") == 1
    assert value(scraped, "rate_limit_store_failures_total") == failures


async def test_requests_are_counted_by_api_key(client: httpx.AsyncClient) -> None:
    labels = {"caller": "tester", "digest": digest_of(API_KEY)[:8]}
    for key in (API_KEY, API_KEY, "unknown"):
        headers = {"Authorization": f"Bearer {key}"}
        await client.post("/v1/download-urls", json=GET, headers=headers)
    found = await samples(client)
    name = "presign_api_key_requests_total"
    assert {key: count for key, count in found.items() if key[0] == name} == {
        (name, frozenset(labels.items())): 2
    }
