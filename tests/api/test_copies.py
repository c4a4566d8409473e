"""Copies over HTTP: what is sent, answered, audited and counted."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest

from tests.support.app import API_KEY, make_app_settings, make_open_grant, run_app

COPY: Final[dict[str, Any]] = {"bucket": "demo", "key": "b", "source": {"key": "a b"}}
HEADERS: Final = {"Authorization": f"Bearer {API_KEY}"}


@pytest.fixture(name="lines")
def _lines() -> list[bytes]:
    return []


@pytest.fixture(name="client")
async def _client(lines: list[bytes]) -> AsyncIterator[httpx.AsyncClient]:
    settings = make_app_settings(make_open_grant())
    async with run_app(settings, audit=lines.extend) as client:
        yield client


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> Any:
    return (await client.post(f"/v1/{path}", json=body, headers=HEADERS)).json()


@pytest.mark.parametrize("etag", ['"e-1"', "e-1"])
async def test_an_etag_may_come_without_its_quotes(client: httpx.AsyncClient, etag: str) -> None:
    answer = await post(client, "copy-urls", **{**COPY, "source": {"key": "a b", "etag": etag}})
    assert answer["method"] == "PUT"
    assert answer["headers"] == {
        "x-amz-copy-source": "demo/a%20b",
        "x-amz-copy-source-if-match": '"e-1"',
        "if-none-match": "*",
    }


async def test_a_batch_answers_each_copy(client: httpx.AsyncClient, lines: list[bytes]) -> None:
    items = [COPY, {**COPY, "key": "c"}, {**COPY, "key": "a b"}, {**COPY, "source": {"key": "d"}}]
    answer = await post(client, "copy-urls/batch", items=items)
    assert answer["failed"] == 1
    answered = [next(iter(each.keys() - {"key"})) for each in answer["results"]]
    assert answered == ["request", "request", "problem", "request"]
    [pointer] = answer["results"][2]["problem"]["errors"]
    assert pointer["pointer"] == "#/items/2/source/key"
    audited = [json.loads(line) for line in lines]
    of_source = {(each["source_key"], each["decision"]): each["keys"] for each in audited}
    assert of_source == {
        ("a b", "allowed"): ["b", "c"],
        ("a b", "denied"): ["a b"],
        ("d", "allowed"): ["b"],
    }


@pytest.mark.parametrize(
    ("source", "pointer"),
    [
        ({}, "#/source/key"),
        ({"key": ""}, "#/source/key"),
        ({"key": "a", "etag": "W/ e"}, "#/source/etag"),
        ({"key": "a", "version_id": "a&b"}, "#/source/version_id"),
        ({"key": "a", "size": 5}, "#/source/size"),
        ("demo/a", "#/source"),
    ],
)
async def test_a_malformed_source_is_refused(
    client: httpx.AsyncClient, source: Any, pointer: str
) -> None:
    problem = await post(client, "copy-urls", **{**COPY, "source": source})
    assert problem["status"] == 422
    assert [each["pointer"] for each in problem["errors"]] == [pointer]


async def test_a_copy_counts_as_one_url(lines: list[bytes]) -> None:
    settings = make_app_settings(make_open_grant(), rate_limit="2/hour")
    async with run_app(settings, audit=lines.extend) as client:
        items = [{**COPY, "key": key} for key in ("b", "c")]
        assert (await post(client, "copy-urls/batch", items=items))["failed"] == 0
        assert (await post(client, "copy-urls", **COPY))["code"] == "rate_limited"
