"""Batches of `keys`, which share one bucket and all other fields, over ASGI."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.api.refusals import MARK, problem, refused_at
from tests.support.app import make_app_settings, make_open_grant, run_app

KEYS: Final = ["a", '\u00e9 "b"', "c/d"]


@pytest.mark.parametrize("path", ["download-urls", "head-urls", "delete-urls"])
async def test_each_key_gets_the_same_as_an_item(client: httpx.AsyncClient, path: str) -> None:
    shared = {"bucket": "demo", "expires_in": 60, "version_id": "v"}
    items = [{**shared, "key": key} for key in KEYS]
    by_keys = await client.post(f"/v1/{path}/batch", json={**shared, "keys": KEYS})
    by_items = await client.post(f"/v1/{path}/batch", json={"items": items})
    assert by_keys.status_code == by_items.status_code == 200
    assert [each["key"] for each in by_keys.json()["results"]] == KEYS
    assert by_keys.json()["failed"] == 0
    for short, long in zip(by_keys.json()["results"], by_items.json()["results"], strict=True):
        assert _unsigned(short) == _unsigned(long)


@pytest.mark.parametrize("items", [[], [{"bucket": "demo", "key": "a"}]])
async def test_an_empty_list_beside_the_other_is_as_none(
    client: httpx.AsyncClient, items: list[Any]
) -> None:
    """openapi-generator's client for Java sends both."""
    body = {"items": items, "keys": []} if items else {"bucket": "demo", "items": [], "keys": ["a"]}
    answer = await client.post("/v1/download-urls/batch", json=body)
    assert [each["key"] for each in answer.json()["results"]] == ["a"]


def _unsigned(result: Mapping[str, Any]) -> tuple[str, str, str, set[str]]:
    """What does not depend on the second in which it was signed."""
    url = urlsplit(result["request"]["url"])
    query = parse_qs(url.query)
    return result["request"]["method"], url.path, query["X-Amz-Expires"][0], set(query)


async def test_a_key_that_is_refused_has_its_own_problem() -> None:
    settings = make_app_settings(make_open_grant(prefix="a/", allow=["download"]))
    body = {"bucket": "demo", "keys": ["a/1", "b/2", "a/../3", "a/4"]}
    async with run_app(settings) as client:
        answer = await client.post("/v1/download-urls/batch", json=body)
    first, second, third, fourth = answer.json()["results"]
    assert answer.json()["failed"] == 2
    assert "request" in first
    assert "request" in fourth
    assert (second["key"], second["problem"]["code"]) == ("b/2", "forbidden")
    assert [each["pointer"] for each in third["problem"]["errors"]] == ["#/keys/2"]


async def test_a_limit_on_a_shared_field_has_the_pointer_of_that_field() -> None:
    settings = make_app_settings(make_open_grant(allow=["download"]))
    body = {"bucket": "demo", "keys": ["a", "b"], "version_id": "v"}
    async with run_app(settings) as client:
        answer = await client.post("/v1/download-urls/batch", json=body)
    for result in answer.json()["results"]:
        assert [each["pointer"] for each in result["problem"]["errors"]] == ["#/version_id"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/keys"),
        ({"bucket": "demo"}, "#/keys"),
        ({"keys": [MARK]}, "#/bucket"),
        ({"bucket": "demo", "keys": []}, "#/keys"),
        ({"bucket": "demo", "keys": [MARK, 5]}, "#/keys/1"),
        ({"bucket": "demo", "keys": ["a"] * 1001}, "#/keys"),
        ({"bucket": "demo", "keys": MARK}, "#/keys"),
        ({"bucket": "demo", "keys": [MARK], "items": [{"bucket": "demo", "key": MARK}]}, "#/keys"),
        ({"bucket": "demo", "items": [{"bucket": "demo", "key": MARK}]}, "#/bucket"),
        ({"bucket": "demo", "keys": [MARK], "key": MARK}, "#/key"),
        ({"bucket": "demo", "keys": [MARK], "filename": "\r"}, "#/filename"),
    ],
    ids=lambda each: str(each)[:50],
)
async def test_a_batch_of_another_shape_is_refused_as_a_whole(
    client: httpx.AsyncClient, body: Any, pointer: str
) -> None:
    await refused_at(client, "download-urls/batch", body, pointer)


async def test_an_upload_batch_takes_no_keys(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/upload-urls/batch", json={"bucket": "demo", "keys": ["a"]})
    assert "#/keys" in [
        each["pointer"] for each in problem(answer, 422, "invalid_request")["errors"]
    ]


async def test_each_key_counts_and_a_refusal_is_one_audit_line() -> None:
    settings = make_app_settings(make_open_grant(), rate_limit="20/minute")
    lines = list[bytes]()
    body = {"bucket": "demo", "keys": [f"k{number}" for number in range(15)]}
    async with run_app(settings, audit=lines.extend) as client:
        assert (await client.post("/v1/head-urls/batch", json=body)).status_code == 200
        problem(await client.post("/v1/head-urls/batch", json=body), 429, "rate_limited")
    line = json.loads(lines[-1])
    assert (line["bucket"], line["operation"]) == ("demo", "head")
    assert (line["keys"], line["keys_count"]) == (body["keys"][:10], 15)
