"""A log line has the ids of the request that is being answered, and of no other."""

import asyncio
import json
import logging
from io import StringIO
from typing import Any, Final

import httpx
import pytest

from service.api.request_id import start_request
from service.sessions.sts import SessionRefused
from service.telemetry import tracing
from tests.api.sentinels import logging_as_served
from tests.auth.mint import ISSUER, make_token
from tests.support.app import SECRET, make_app_settings, make_open_grant, run_app

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT: Final = f"00-{TRACE}-{SPAN}-01"
GET: Final = {"bucket": "demo", "key": "a"}
log = logging.getLogger("service.logged")


async def line_of(client: httpx.AsyncClient, headers: dict[str, str]) -> dict[str, Any]:
    """The one line that the handler of `/once` logs."""
    logged = StringIO()
    with logging_as_served("INFO", logged):
        await client.get("/once", headers=headers)
    (line,) = read(logged)
    return line


def read(logged: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged.getvalue().splitlines()]


@pytest.fixture(name="client")
async def _client() -> Any:
    async with run_app(make_app_settings(make_open_grant())) as client:
        add_routes(client)
        yield client


def add_routes(client: httpx.AsyncClient) -> None:
    """`/once` logs one line. `/often` logs many, and lets other requests run in between."""
    transport: Any = client._transport

    async def once() -> None:
        log.info("once")

    async def often(name: str) -> None:
        for _ in range(20):
            log.info(name)
            await asyncio.sleep(0)
        await asyncio.gather(asyncio.create_task(log_later(name)), log_later(name))

    async def log_later(name: str) -> None:
        await asyncio.sleep(0)
        log.info(name)

    transport.app.add_api_route("/once", once)
    transport.app.add_api_route("/often", often)


async def test_a_line_has_the_ids_of_its_request_and_trace(client: httpx.AsyncClient) -> None:
    headers = {"X-Request-ID": "request-7", "traceparent": TRACEPARENT}
    line = await line_of(client, headers)
    assert (line["request_id"], line["trace_id"], line["span_id"]) == ("request-7", TRACE, SPAN)


async def test_a_line_has_the_request_id_of_the_response(client: httpx.AsyncClient) -> None:
    logged = StringIO()
    with logging_as_served("INFO", logged):
        answer = await client.get("/once", headers={"X-Request-ID": "not an id"})
    assert read(logged)[0]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        "garbage",
        TRACEPARENT.upper(),
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{TRACE}-{SPAN}",
        f"{TRACEPARENT}-more",
        f"{TRACEPARENT},{TRACEPARENT}",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        SECRET,
    ],
)
async def test_an_invalid_traceparent_is_ignored(
    client: httpx.AsyncClient, sent: str | None
) -> None:
    line = await line_of(client, {} if sent is None else {"traceparent": sent})
    assert "request_id" in line
    assert not {"trace_id", "span_id"} & set(line)


async def test_lines_of_concurrent_requests_have_their_own_ids(client: httpx.AsyncClient) -> None:
    def headers(number: int) -> dict[str, str]:
        parent = f"00-{number + 1:032x}-{number + 1:016x}-01"
        return {"X-Request-ID": f"r{number}", "traceparent": parent}

    logged = StringIO()
    with logging_as_served("INFO", logged):
        await asyncio.gather(
            *(client.get(f"/often?name=r{n}", headers=headers(n)) for n in range(30))
        )
    lines = [line for line in read(logged) if line["logger"] == log.name]
    assert len(lines) == 30 * 22
    for line in lines:
        number = int(line["message"][1:]) + 1
        assert line["request_id"] == line["message"]
        assert (line["trace_id"], line["span_id"]) == (f"{number:032x}", f"{number:016x}")


async def test_the_next_request_on_a_connection_has_its_own_id() -> None:
    """A server may run it in a copy of the last request's context."""
    ids = []
    for name in (b"one", b"two"):
        start_request({"type": "http", "headers": [(b"x-request-id", name)]})
        ids.append(tracing.ids()["request_id"])
    assert ids == ["one", "two"]


async def test_a_sessions_refresh_belongs_to_no_request() -> None:
    logged = StringIO()
    with logging_as_served("INFO", logged):
        async with run_app(
            make_app_settings(make_open_grant()), SessionRefused("no role")
        ) as client:
            headers = {"X-Request-ID": "request-7", "traceparent": TRACEPARENT}
            assert (await client.post("/v1/head-urls", json=GET, headers=headers)).is_error
    lines = [line for line in read(logged) if "no new session" in line["message"]]
    assert len(lines) == 3  # of two buckets, and of the caller, whose session the request started
    assert [line for line in lines if {"request_id", "trace_id", "span_id"} & set(line)] == []


async def test_a_fetch_of_an_issuers_keys_belongs_to_no_request() -> None:
    issuer = {"issuer": ISSUER.issuer, "audience": "presign", "jwks_url": "http://127.0.0.1:1/keys"}
    logged = StringIO()
    with logging_as_served("INFO", logged):
        settings = make_app_settings(make_open_grant(), issuers={"cluster-a": issuer})
        async with run_app(settings) as client:  # the request comes before the first fetch
            await client.get("/v1/caller", headers={"Authorization": f"Bearer {make_token()}"})
    lines = [line for line in read(logged) if "no keys of issuer" in line["message"]]
    assert len(lines) == 1
    assert "request_id" not in lines[0]
