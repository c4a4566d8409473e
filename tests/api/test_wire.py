"""Request ids, problems, CORS, openapi.yaml and `GET /v1/caller`, over HTTP."""

import asyncio
from threading import Event
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from service.api.routes import openapi as document
from tests.api.every_call import DOCUMENT, examples
from tests.api.refusals import problem
from tests.support.app import (
    API_KEY,
    app_of,
    make_app_settings,
    make_open_grant,
    run_app,
)
from tests.support.factories import OPERATIONS

GET = {"bucket": "demo", "key": "a"}
ORIGIN = "https://app.example"
STORE_CALLS = ("/v1/multipart-uploads", "/v1/object-checks")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a-B_c.1", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("a b", False),
        ("", False),
        ('a","decision":"denied', False),
    ],
)
async def test_the_callers_request_id_is_kept_if_acceptable(
    client: httpx.AsyncClient, given: str, kept: bool
) -> None:
    answer = await client.get("/livez", headers={"X-Request-ID": given})
    assert (answer.headers["x-request-id"] == given) is kept
    assert kept or len(answer.headers["x-request-id"]) == 32


async def test_another_method_or_path_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/download-urls")
    members = problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert members["detail"] == "Use POST for this path."
    both = await client.put("/v1/links")
    problem(both, 405, "method_not_allowed")
    assert both.headers["allow"] == "GET, POST"  # two routes have this path
    several = problem(await client.post("/errors"), 405, "method_not_allowed")
    assert several["detail"] == "Use GET or HEAD for this path."
    problem(await client.post("/v1/download-urls/", json=GET), 404, "not_found")


async def test_an_internal_error_is_a_problem_that_pages_may_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = make_app_settings(make_open_grant(), server={"cors_origins": [ORIGIN]})
    async with run_app(settings) as client:
        del app_of(client).parts.core
        answer = await client.post("/v1/download-urls", json=GET, headers={"Origin": ORIGIN})
    problem(answer, 500, "internal_error")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Traceback" not in answer.text
    assert API_KEY not in caplog.text


async def test_a_disconnected_client_is_not_an_error(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {API_KEY}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/download-urls", "headers": headers}
    await app_of(client)({**scope, "query_string": b""}, gone, send)
    assert sent == []
    assert caplog.records == []


async def test_cors_allows_the_configured_origins_only() -> None:
    settings = make_app_settings(make_open_grant(), server={"cors_origins": [ORIGIN]})
    preflight = {"Access-Control-Request-Method": "POST"}
    preflight["Access-Control-Request-Headers"] = "authorization,content-type"
    async with run_app(settings) as client:
        known, unknown = [
            await client.options("/v1/download-urls", headers={"Origin": origin, **preflight})
            for origin in (ORIGIN, "https://evil.example")
        ]
        answer = await client.post("/v1/download-urls", json=GET, headers={"Origin": ORIGIN})
        without = await client.post("/v1/download-urls", json=GET)
    assert known.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in unknown.headers
    assert "access-control-allow-credentials" not in known.headers
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert (
        answer.headers["access-control-expose-headers"]
        == "X-Request-ID, Retry-After, WWW-Authenticate"
    )
    assert "access-control-allow-origin" not in without.headers
    assert {answer.headers["vary"], without.headers["vary"]} == {"Origin"}


async def test_without_origins_there_is_no_cors(client: httpx.AsyncClient) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = await client.options("/v1/download-urls", headers=headers)
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


async def test_the_document_is_served_unchanged(client: httpx.AsyncClient) -> None:
    as_yaml = await client.get("/openapi.yaml")
    as_json = await client.get("/openapi.json")
    assert as_yaml.text == DOCUMENT.read_text(encoding="utf-8")
    assert as_json.json() == YAML(typ="safe", pure=True).load(as_yaml.text)


async def test_the_document_is_converted_once_and_off_the_event_loop(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = Event()

    def slow_parse(text: str) -> str:
        answered.wait(5)
        return text

    document._converted.cache_clear()
    monkeypatch.setattr(document, "parse", slow_parse)
    converting = [asyncio.create_task(client.get("/openapi.json")) for _ in range(2)]
    for _ in range(5):
        await asyncio.sleep(0)
        assert (await client.get("/livez")).status_code == 200
    assert not any(each.done() for each in converting)
    answered.set()
    assert [(await each).status_code for each in converting] == [200, 200]
    assert document._converted.cache_info().misses == 1
    document._converted.cache_clear()


@pytest.mark.parametrize(
    ("path", "body"), [(path, body) for path, bodies in examples().items() for body in bodies]
)
async def test_every_example_of_the_document_is_accepted(
    client: httpx.AsyncClient, path: str, body: bytes
) -> None:
    answer = await client.post(path, content=body)
    goes_to_the_store = path.startswith(STORE_CALLS) and not path.endswith("/part-urls")
    # The fake store refuses everything.
    expected = (502, "storage_refused") if goes_to_the_store else (200, None)
    if path in {"/v1/diagnoses", "/v1/cookies"}:  # of an unknown bucket
        expected = (403, "forbidden")
    if path == "/v1/links":  # not configured
        expected = (404, "not_found")
    assert (answer.status_code, answer.json().get("code")) == expected, answer.text


async def test_a_caller_sees_its_grants() -> None:
    limited = make_open_grant(max_content_length=100, content_types=["image/*"], max_keys=10)
    other = make_open_grant(prefix="a/", allow_overwrite=False)
    async with run_app(make_app_settings(limited, other)) as client:
        answer = await client.get("/v1/caller")
    assert answer.status_code == 200
    caller = answer.json()
    assert caller["subject"] == "tester"
    assert "issuer" not in caller
    assert caller["grants"][0] == {
        "bucket": "demo",
        "prefix": "",
        "allow": OPERATIONS,
        "max_content_length": 100,
        "content_types": ["image/*"],
        "max_keys": 10,
        "allow_overwrite": True,
        "max_link_expires_in": 604_800,
    }
    assert caller["grants"][1]["prefix"] == "a/"
    assert caller["grants"][1]["allow_overwrite"] is False
