"""What is counted of requests and of what is signed."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.access.grants import Operation
from service.app.services import MakeSource
from service.clock import Clock
from service.config.settings import Settings
from service.errors import Overloaded
from tests.api.conftest import (
    API_KEY,
    SECRET,
    TOKEN,
    Given,
    open_grant,
    running,
    settings_with,
)
from tests.support.scrapes import (
    GET,
    app_of,
    samples,
    value,
)


@pytest.fixture(name="client")
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    async with running(settings_with(open_grant(max_expires_in=1800))) as client:
        yield client


# The scrape


async def test_a_scrape_needs_no_key_and_is_in_prometheus_own_format(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/v1/download-urls", json=GET)
    answer = await client.get("/metrics", headers={"Authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"
    families = {each.name: each for each in text_string_to_metric_families(answer.text)}
    assert len(families) > 12
    assert [name for name in families if not name.startswith("presign_")] == []
    assert [name for name, each in families.items() if not each.documentation.endswith(".")] == []


async def test_a_scrape_holds_no_secret_and_no_callers_name(client: httpx.AsyncClient) -> None:
    await client.post("/v1/download-urls", json={**GET, "key": SECRET})
    await client.post(f"/v1/{TOKEN}", json=GET)
    shown = (await client.get("/metrics")).text
    assert not any(each in shown for each in (API_KEY, SECRET, TOKEN, "tester", "ASIAEXAMPLE"))


async def test_no_series_tells_when_it_began(client: httpx.AsyncClient) -> None:
    await client.post("/v1/download-urls", json=GET)
    assert "_created" not in (await client.get("/metrics")).text


# Requests


@pytest.mark.parametrize(
    ("method", "path", "more", "counted"),
    [
        ("POST", "/v1/download-urls", {"json": GET}, ("/v1/download-urls", "POST", 200)),
        (
            "POST",
            "/v1/download-urls/batch",
            {"json": {"items": [GET]}},
            ("/v1/download-urls/batch", "POST", 200),
        ),
        ("GET", "/v1/caller?a=b", {}, ("/v1/caller", "GET", 200)),
        ("GET", "/livez", {}, ("/livez", "GET", 200)),
        ("POST", "/v1/download-urls", {"json": {}}, ("/v1/download-urls", "POST", 422)),
        ("POST", "/v1/download-urls", {"content": b"{"}, ("/v1/download-urls", "POST", 400)),
        (
            "POST",
            "/v1/download-urls",
            {"content": b" " * 70_000},
            ("/v1/download-urls", "POST", 413),
        ),
        (
            "POST",
            "/v1/download-urls",
            {"json": GET, "headers": {"Authorization": "Bearer wrong"}},
            ("/v1/download-urls", "POST", 401),
        ),
        (
            "POST",
            "/v1/download-urls",
            {"json": {**GET, "bucket": "closed"}},
            ("/v1/download-urls", "POST", 403),
        ),
        ("PATCH", "/v1/download-urls", {}, ("/v1/download-urls", "PATCH", 405)),
        ("BREW", "/v1/download-urls", {}, ("/v1/download-urls", "other", 405)),
        ("GET", "/v1/nothing", {}, ("none", "GET", 404)),
        ("GET", "/v1/download-urls/a", {}, ("none", "GET", 404)),
    ],
)
async def test_a_request_is_counted_by_route_method_and_status(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    more: Mapping[str, Any],
    counted: tuple[str, str, int],
) -> None:
    route, named, status = counted
    await client.request(method, path, **more)
    scraped = await samples(client)
    labels = {"route": route, "method": named, "status": str(status)}
    assert value(scraped, "http_request_seconds_count", **labels) == 1
    assert 0 < value(scraped, "http_request_seconds_sum", **labels) < 10
    # The scrape itself is not over while it is read.
    assert sum(v for (n, _), v in scraped.items() if n.endswith("request_seconds_count")) == 1


async def test_a_caller_that_goes_away_before_its_answer_is_a_499(
    client: httpx.AsyncClient,
) -> None:
    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/download-urls",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {API_KEY}".encode())],
    }
    await app_of(client)(scope, gone, _nowhere)
    labels = {"route": "/v1/download-urls", "method": "POST", "status": "499"}
    assert value(await samples(client), "http_request_seconds_count", **labels) == 1


async def _nowhere(message: Any) -> None:
    raise AssertionError(message)


async def test_what_is_under_way_is_counted_until_it_is_answered_or_cancelled() -> None:
    hangs = asyncio.Event()
    async with running(settings_with(open_grant()), open_sources=_hanging(hangs)) as client:
        tasks = [asyncio.create_task(client.post("/v1/list-urls", json=LIST)) for _ in range(3)]
        for _ in range(20):
            await asyncio.sleep(0)
        assert value(await samples(client), "http_requests_in_flight") == 4  # and the scrape
        tasks[0].cancel()
        hangs.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        scraped = await samples(client)
    assert value(scraped, "http_requests_in_flight") == 1
    labels = {"route": "/v1/list-urls", "method": "POST"}
    assert value(scraped, "http_request_seconds_count", **labels, status="499") == 1
    assert value(scraped, "http_request_seconds_count", **labels, status="200") == 2


LIST: Final = {"bucket": "demo", "prefix": ""}


def _hanging(until: asyncio.Event) -> Any:
    @asynccontextmanager
    async def open_sources(clock: Clock) -> AsyncIterator[MakeSource]:
        async def make(name: str, settings: Settings) -> Given:
            return Hanging(clock, until)

        yield make

    return open_sources


class Hanging(Given):
    def __init__(self, clock: Clock, until: asyncio.Event) -> None:
        super().__init__(clock)
        self._until = until

    async def fetch(self, owner: Any, policy: str | None) -> Any:
        await self._until.wait()
        return await super().fetch(owner, policy)


# Signing


async def test_what_is_signed_is_counted_by_operation_and_bucket(client: httpx.AsyncClient) -> None:
    form = {"bucket": "demo", "key_prefix": "", "max_content_length": 5}
    await client.post("/v1/download-urls", json=GET)
    await client.post("/v1/upload-urls", json={**GET, "content_length": 5})
    await client.post("/v1/upload-forms", json=form)
    await client.post("/v1/delete-urls/batch", json={"items": [GET] * 7})
    scraped = await samples(client)
    signed = {op: value(scraped, "signed_total", operation=op, bucket="demo") for op in Operation}
    assert {op: number for op, number in signed.items() if number} == {
        "download": 1,
        "upload": 1,
        "form": 1,
        "delete": 7,
    }


async def test_what_is_refused_is_counted_by_the_problems_code(client: httpx.AsyncClient) -> None:
    items = [GET, {**GET, "bucket": "closed"}, {**GET, "bucket": "nowhere"}]
    await client.post("/v1/download-urls/batch", json={"items": items})
    await client.post("/v1/download-urls", json={**GET, "min_expires_in": 1801})
    scraped = await samples(client)
    assert value(scraped, "signed_total", operation="download", bucket="demo") == 1
    assert value(scraped, "refused_total", code="forbidden") == 2
    assert value(scraped, "refused_total", code="lifetime_unavailable") == 1


@pytest.mark.parametrize(
    ("asked", "by"), [(1800, None), (1801, "grant"), (5000, "grant"), (None, None)]
)
async def test_a_lifetime_that_is_cut_short_is_counted_by_what_cut_it(
    client: httpx.AsyncClient, asked: int | None, by: str | None
) -> None:
    await client.post(
        "/v1/download-urls", json=GET if asked is None else GET | {"expires_in": asked}
    )
    scraped = await samples(client)
    counted = {
        each: value(scraped, "lifetimes_limited_total", by=each) for each in ("grant", "session")
    }
    assert counted == {"grant": 0, "session": 0} | ({by: 1} if by else {})


async def test_a_lifetime_that_the_session_cuts_short_is_counted_too() -> None:
    async with running(settings_with(open_grant())) as client:
        await client.post("/v1/download-urls", json=GET | {"expires_in": 7200})
        assert value(await samples(client), "lifetimes_limited_total", by="session") == 1


async def test_a_trail_that_cannot_be_written_is_counted_and_nothing_of_it_as_signed() -> None:
    def full(lines: object) -> None:
        raise Overloaded("full", retry_after=1)

    async with running(settings_with(open_grant()), audit=full) as client:
        assert (await client.post("/v1/download-urls", json=GET)).status_code == 503
        await client.post("/v1/download-urls/batch", json={"items": [GET] * 9})
        scraped = await samples(client)
    assert value(scraped, "audit_failures_total") == 2
    assert value(scraped, "signed_total", operation="download", bucket="demo") == 0


async def test_requests_counted_in_memory_for_a_store_that_is_down_are_counted() -> None:
    settings = limited_settings("redis://127.0.0.1:1/0")
    async with running(settings) as client:
        answers = [await client.post("/v1/download-urls", json=GET) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert value(await samples(client), "rate_limit_store_failures_total") == 3


async def test_a_caller_over_its_rate_is_counted_as_refused() -> None:
    async with running(limited_settings(None)) as client:
        answers = [await client.post("/v1/download-urls", json=GET) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert value(await samples(client), "refused_total", code="rate_limited") == 1


def limited_settings(url: str | None) -> Settings:
    whole = json.loads(settings_with(open_grant()).model_dump_json(exclude_defaults=True))
    whole["callers"][0]["rate_limit"] = "2/hour"
    return Settings.model_validate({**whole, "server": {"rate_limit_url": url} if url else {}})
