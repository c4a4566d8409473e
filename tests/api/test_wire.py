"""What every reply has, who may call, and what stands beside the contract."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from service.api.routes import openapi as document
from tests.api.conftest import (
    API_KEY,
    EVERYTHING,
    SECRET,
    TOKEN,
    open_grant,
    running,
    settings_with,
)

GET = {"bucket": "demo", "key": "a"}
DOCUMENT = Path(__file__).parents[2] / "openapi.yaml"
STORE_CALLS = ("/v1/multipart-uploads", "/v1/object-checks")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/download-urls", GET),
        ("POST", "/v1/download-urls", {}),
        ("POST", "/v1/unknown", {}),
        ("GET", "/v1/download-urls", None),
        ("GET", "/livez", None),
        ("GET", "/openapi.json", None),
    ],
)
async def test_every_reply_keeps_what_it_holds_private(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    answer = await client.request(method, path, json=body)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a-B_c.1", True), ("x" * 128, True), ("x" * 129, False), ("a b", False), ("", False)],
)
async def test_the_callers_request_id_is_kept_if_it_looks_like_one(
    client: httpx.AsyncClient, given: str, kept: bool
) -> None:
    answer = await client.get("/livez", headers={"X-Request-ID": given})
    assert (answer.headers["x-request-id"] == given) is kept


async def test_another_method_is_told_which_there_is(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/download-urls")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_a_fault_of_ours_is_a_problem_without_a_trace(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    transport: Any = client._transport
    transport.app.state.presigner = None
    answer = await client.post("/v1/download-urls", json=GET)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert "Traceback" not in answer.text
    assert API_KEY not in caplog.text


async def test_a_page_may_read_a_fault_of_ours_too() -> None:
    settings = settings_with(open_grant(), server={"cors_origins": ["https://app.example"]})
    async with running(settings) as client:
        transport: Any = client._transport
        transport.app.state.presigner = None
        answer = await client.post(
            "/v1/download-urls", json=GET, headers={"Origin": "https://app.example"}
        )
    assert answer.status_code == 500
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


async def test_a_caller_that_hangs_up_is_no_fault(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    transport: Any = client._transport
    headers = [(b"authorization", f"Bearer {API_KEY}".encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/download-urls",
        "query_string": b"",
        "headers": headers,
    }
    await transport.app(scope, gone, send)
    assert sent == []
    assert caplog.records == []


async def test_a_path_with_a_slash_too_many_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/download-urls/", json=GET)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_cors_is_answered_for_the_origins_configured_and_no_others() -> None:
    settings = settings_with(open_grant(), server={"cors_origins": ["https://app.example"]})
    async with running(settings) as client:
        ask = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        known = await client.options(
            "/v1/download-urls", headers={"Origin": "https://app.example", **ask}
        )
        unknown = await client.options(
            "/v1/download-urls", headers={"Origin": "https://evil.example", **ask}
        )
        answer = await client.post(
            "/v1/download-urls", json=GET, headers={"Origin": "https://app.example"}
        )
    assert known.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in unknown.headers
    assert "access-control-allow-credentials" not in known.headers
    assert answer.headers["access-control-expose-headers"] == "X-Request-ID, Retry-After"


async def test_without_origins_there_is_no_cors(client: httpx.AsyncClient) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    answer = await client.options("/v1/download-urls", headers=headers)
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


async def test_live_at_once_and_ready_with_the_first_session(client: httpx.AsyncClient) -> None:
    await client.post("/v1/download-urls", json=GET)
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200


async def test_the_document_is_served_as_it_stands(client: httpx.AsyncClient) -> None:
    as_yaml = await client.get("/openapi.yaml")
    as_json = await client.get("/openapi.json")
    assert as_yaml.text == DOCUMENT.read_text(encoding="utf-8")
    assert as_json.json() == YAML(typ="safe", pure=True).load(as_yaml.text)


async def test_nobody_waits_while_the_document_is_read(client: httpx.AsyncClient) -> None:
    document._converted.cache_clear()
    asked = [asyncio.create_task(client.get("/openapi.json")) for _ in range(2)]
    for _ in range(5):
        await asyncio.sleep(0)
        assert (await client.get("/livez")).status_code == 200
    assert not any(each.done() for each in asked)
    assert [(await each).status_code for each in asked] == [200, 200]
    assert document._converted.cache_info().misses == 1


def examples() -> list[Any]:
    document = YAML(typ="safe", pure=True).load(DOCUMENT)
    return [
        pytest.param(path, example["value"], id=f"{path} {name}")
        for path, item in document["paths"].items()
        if "post" in item
        for name, example in item["post"]["requestBody"]["content"]["application/json"][
            "examples"
        ].items()
    ]


@pytest.mark.parametrize(("path", "body"), examples())
async def test_every_example_of_the_document_is_accepted(
    client: httpx.AsyncClient, path: str, body: Any
) -> None:
    answer = await client.post(path, json=body)
    goes_to_the_store = path.startswith(STORE_CALLS) and not path.endswith("/part-urls")
    # There it is refused, by a store that refuses all; but not by us.
    expected = (502, "storage_refused") if goes_to_the_store else (200, None)
    if path == "/v1/diagnoses":  # of a bucket that is none of these
        expected = (403, "forbidden")
    assert (answer.status_code, answer.json().get("code")) == expected, answer.text


async def test_a_caller_is_told_what_it_may_do() -> None:
    limited = open_grant(max_content_length=100, content_types=["image/*"], max_keys=10)
    async with running(settings_with(limited, open_grant(prefix="a/", allow_overwrite=False))) as c:
        answer = await c.get("/v1/caller")
    assert answer.status_code == 200
    told = answer.json()
    assert told["subject"] == "tester"
    assert "issuer" not in told
    assert told["grants"][0] == {
        "bucket": "demo",
        "prefix": "",
        "allow": EVERYTHING,
        "max_content_length": 100,
        "content_types": ["image/*"],
        "max_keys": 10,
        "allow_overwrite": True,
    }
    assert told["grants"][1]["prefix"] == "a/"
    assert told["grants"][1]["allow_overwrite"] is False


async def test_whoever_is_unknown_is_told_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/caller", headers={"Authorization": "Bearer other"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"


async def test_nothing_that_is_logged_holds_a_secret_or_a_signed_url(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asks: list[tuple[str, dict[str, Any]]] = [
        ("download-urls", {}),
        ("upload-urls", {"content_length": 5}),
        ("upload-forms", {"max_content_length": 5, "overwrite": True}),
        ("download-urls", {"key": "../a"}),
        ("download-urls", {"bucket": "closed"}),
    ]
    for path, more in asks:
        await client.post(f"/v1/{path}", content=json.dumps(GET | more).encode())
    for secret in (SECRET, TOKEN, API_KEY, "X-Amz-Signature", "x-amz-signature"):
        assert secret not in caplog.text
