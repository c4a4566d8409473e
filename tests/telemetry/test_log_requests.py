"""A log line has the ids of the request that is being answered, and of no other."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any, Final

import httpx
import pytest

from service.api.request_state import start_request
from service.sessions.source import SessionRefused
from service.telemetry import tracing
from tests.api.sentinels import logging_as_served
from tests.auth.mint import ISSUER, make_token
from tests.support.app import SECRET, app_of, make_app_settings, make_open_grant, run_app
from tests.support.scrapes import GET

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT: Final = f"00-{TRACE}-{SPAN}-01"
HEADERS: Final = {"X-Request-ID": "request-7", "traceparent": TRACEPARENT}
log = logging.getLogger("service.logged")


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """The lines that the block logs, which are there once it has ended."""
    lines, written = list[dict[str, Any]](), StringIO()
    with logging_as_served("INFO", written):
        yield lines
    lines += map(json.loads, written.getvalue().splitlines())


@pytest.fixture(name="client")
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    """`/once` logs one line. `/often` logs many, and lets other requests run in between."""

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

    async with run_app(make_app_settings(make_open_grant())) as client:
        app_of(client).add_api_route("/once", once)
        app_of(client).add_api_route("/often", often)
        yield client


async def test_a_line_has_the_ids_of_its_request_and_trace(client: httpx.AsyncClient) -> None:
    with logged() as lines:
        await client.get("/once", headers=HEADERS)
    (line,) = lines
    assert (line["request_id"], line["trace_id"], line["span_id"]) == ("request-7", TRACE, SPAN)


async def test_a_line_has_the_request_id_of_the_response(client: httpx.AsyncClient) -> None:
    with logged() as lines:
        answer = await client.get("/once", headers={"X-Request-ID": "not an id"})
    assert [line["request_id"] for line in lines] == [answer.headers["x-request-id"]]


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
    with logged() as lines:
        await client.get("/once", headers={} if sent is None else {"traceparent": sent})
    (line,) = lines
    assert "request_id" in line
    assert not {"trace_id", "span_id"} & set(line)


async def test_lines_of_concurrent_requests_have_their_own_ids(client: httpx.AsyncClient) -> None:
    def headers(number: int) -> dict[str, str]:
        parent = f"00-{number + 1:032x}-{number + 1:016x}-01"
        return {"X-Request-ID": f"r{number}", "traceparent": parent}

    with logged() as lines:
        await asyncio.gather(
            *(client.get(f"/often?name=r{n}", headers=headers(n)) for n in range(30))
        )
    own = [line for line in lines if line["logger"] == log.name]
    assert len(own) == 30 * 22
    for line in own:
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
    settings = make_app_settings(make_open_grant())
    with logged() as lines:
        async with run_app(settings, SessionRefused("no role")) as client:
            assert (await client.post("/v1/head-urls", json=GET, headers=HEADERS)).is_error
    own = [line for line in lines if "no new session" in line["message"]]
    assert len(own) == 3  # of two buckets, and of the caller, whose session the request started
    assert [line for line in own if {"request_id", "trace_id", "span_id"} & set(line)] == []


async def test_a_fetch_of_an_issuers_keys_belongs_to_no_request() -> None:
    issuer = {"issuer": ISSUER.issuer, "audience": "presign", "jwks_url": "http://127.0.0.1:1/keys"}
    settings = make_app_settings(make_open_grant(), issuers={"cluster-a": issuer})
    with logged() as lines:
        async with run_app(settings) as client:  # the request comes before the first fetch
            await client.get("/v1/caller", headers={"Authorization": f"Bearer {make_token()}"})
    (own,) = [line for line in lines if "no keys of issuer" in line["message"]]
    assert "request_id" not in own
