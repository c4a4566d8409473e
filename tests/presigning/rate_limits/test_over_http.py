"""Rates, as callers meet them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx

from service.app.settings import Settings
from tests.support.app import make_app_settings, make_open_grant, run_app
from tests.support.late import again_if_late, within
from tests.support.valkey import Valkey
from tests.support.waiting import until

ITEM: Final = {"bucket": "demo", "key": "a"}


def limited(rate: str, **server: Any) -> Settings:
    """The caller of the client's API key at this rate."""
    return make_app_settings(make_open_grant(), rate_limit=rate, server=server)


async def post(client: httpx.AsyncClient, urls: int = 1, **headers: str) -> httpx.Response:
    if urls == 1:
        return await client.post("/v1/download-urls", json=ITEM, headers=headers)
    items = {"items": [ITEM] * urls}
    return await client.post("/v1/download-urls/batch", json=items, headers=headers)


async def test_a_batch_counts_each_of_its_urls() -> None:
    async with run_app(limited("101/hour")) as client:
        assert (await post(client, 100)).status_code == 200
        form = {"bucket": "demo", "key_prefix": "a/", "max_content_length": 1}
        assert (await client.post("/v1/upload-forms", json=form)).status_code == 200
        assert (await post(client)).status_code == 429


async def test_a_form_of_a_bad_key_counts_as_a_url() -> None:
    lines = list[bytes]()
    async with run_app(limited("2/hour"), audit=lines.extend) as client:
        form = {"bucket": "demo", "key_prefix": "a/../", "max_content_length": 1}
        answers = [await client.post("/v1/upload-forms", json=form) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [422, 422, 429]
        assert answers[0].json()["errors"][0]["pointer"] == "#/key_prefix"
    reasons = [json.loads(line)["reason"] for line in lines]
    assert reasons == ["invalid_request", "invalid_request", "rate_limited"]


@again_if_late
async def test_a_rate_limit_problem_has_retry_after() -> None:
    async with run_app(limited("5/second")) as client:
        with within(1):
            assert (await post(client, 5)).status_code == 200
            refused = await post(client, 5)
            problem = refused.json()
            assert (refused.status_code, problem["code"]) == (429, "rate_limited")
        assert problem["type"] == "/errors#rate_limited"
        assert refused.headers["content-type"] == "application/problem+json"
        await asyncio.sleep(int(refused.headers["retry-after"]))
        assert (await post(client, 5)).status_code == 200


async def test_requests_for_no_url_count_nothing() -> None:
    async with run_app(limited("1/hour")) as client:
        for _ in range(5):
            assert (await client.get("/v1/caller")).status_code == 200
            assert (await post(client, authorization="Bearer wrong")).status_code == 401
            malformed = await client.post("/v1/download-urls", json={**ITEM, "expires": 5})
            assert malformed.status_code == 422
            assert (await post(client, 2)).status_code == 429  # more than the rate
        assert (await post(client)).status_code == 200


async def test_what_the_rate_refuses_is_audited() -> None:
    lines: list[bytes] = []
    async with run_app(limited("2/hour"), audit=lines.extend) as client:
        await post(client, 2)
        lines.clear()
        await post(client, 2)
        await post(client, 3)
        await post(client)
        await post(client)  # its body is not read
    audit_trail = [json.loads(line) for line in lines]
    reasons = [(each["decision"], each["reason"]) for each in audit_trail]
    assert reasons == [("denied", "rate_limited")] * 4
    assert [len(each["keys"]) for each in audit_trail] == [2, 3, 1, 0]
    assert [each.get("route") for each in audit_trail] == [None, None, None, "/v1/download-urls"]
    assert {each["subject"] for each in audit_trail} == {"tester"}


async def test_a_recently_refused_caller_is_refused_before_its_body() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        raise AssertionError("the body was read")

    async with run_app(limited("1/hour")) as client:
        assert (await post(client)).status_code == 200
        assert (await post(client)).status_code == 429
        unread = await client.post("/v1/download-urls", content=never())
        assert (unread.status_code, unread.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(unread.headers["retry-after"]) <= 10
        assert (await client.get("/v1/caller")).status_code == 200


async def test_a_smaller_batch_is_read_after_a_refused_one() -> None:
    def batch(urls: int) -> dict[str, Any]:
        return {"items": [{**ITEM, "key": f"{number:0200}"} for number in range(urls)]}

    async with run_app(limited("500/hour")) as client:
        for urls, status in ((1000, 429), (900, 429), (500, 200)):
            answer = await client.post("/v1/download-urls/batch", json=batch(urls))
            assert answer.status_code == status


async def test_one_url_is_signed_after_too_many_parts_were_refused() -> None:
    parts = {**ITEM, "content_length": 10**8, "part_size": 10**7, "part_numbers": [*range(1, 11)]}
    async with run_app(limited("9/hour")) as client:
        refused = await client.post("/v1/multipart-uploads/a/part-urls", json=parts)
        assert refused.status_code == 429
        assert (await post(client)).status_code == 200


async def test_replicas_share_the_count_over_http_and_end_their_connections(
    store: Valkey,
) -> None:
    settings = limited("2/hour", rate_limit_url=store.url)
    async with run_app(settings) as one, run_app(settings) as other:
        answers = [await post(client) for client in (one, other, one, other)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        assert store.connections() > 0
    await until(lambda: store.connections() == 0)


async def test_while_a_store_is_down_callers_are_limited_in_memory(store: Valkey) -> None:
    async with run_app(limited("5/hour", rate_limit_url=store.url)) as client:
        assert (await post(client)).status_code == 200
        store.stop()
        answers = await asyncio.gather(*(post(client) for _ in range(20)))
        assert [answer.status_code for answer in answers].count(200) == 5
        assert [answer.status_code for answer in answers].count(429) == 15
        metrics = (await client.get("/metrics")).text
        assert "presign_rate_limit_store_failures_total 20.0" in metrics
