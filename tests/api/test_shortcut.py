"""The short way and the long way say the same: which of them a request takes is no caller's affair."""

import json
import re
from typing import Any, Final

import httpx
import pytest

from service.errors import Overloaded
from tests.api.conftest import open_grant, running, settings_with

# Each URL's date and signature, and when it expires
OF_A_SECOND: Final = re.compile(r"\d{8}T\d{6}Z|(?<=Signature=)[0-9a-f]{64}|[0-9T:-]{19}Z")
TWICE: Final = [("x-odd", "one"), ("x-odd", "two")]  # sends a request the long way
ITEM: Final = {"bucket": "demo", "key": "a"}
CALLS: Final[list[tuple[str, Any]]] = [
    ("download-urls", ITEM),
    ("download-urls", {**ITEM, "key": "../a"}),
    ("download-urls", {**ITEM, "expires": 5}),
    ("download-urls", {**ITEM, "bucket": "closed"}),
    ("upload-urls", {**ITEM, "content_length": 5}),
    ("upload-forms", {**ITEM, "max_content_length": 5}),
    ("head-urls", {**ITEM, "version_id": "v"}),
    ("delete-urls", "x"),
    ("list-urls", {"bucket": "demo", "prefix": ""}),
    ("download-urls/batch", {"items": [ITEM, {**ITEM, "key": ".."}, ITEM]}),
    ("download-urls/batch", {"items": []}),
    ("upload-urls/batch", {"items": [{**ITEM, "content_length": 5}] * 3}),
    ("object-checks", ITEM),
    ("diagnoses", {"method": "GET", "url": "https://demo.s3.example/a"}),
    ("multipart-uploads", {**ITEM, "content_length": 5}),
]


def shape(answer: httpx.Response) -> tuple[int, list[str], Any]:
    """All of it but what each request or second has of its own."""
    told = json.loads(answer.content)
    text = json.dumps(told).replace(answer.headers["x-request-id"], "id")
    head = sorted(name for name in answer.headers if name != "content-length")
    return answer.status_code, head, OF_A_SECOND.sub("", text)


@pytest.mark.parametrize(("path", "body"), CALLS)
async def test_both_ways_answer_alike(client: httpx.AsyncClient, path: str, body: Any) -> None:
    short = await client.post(f"/v1/{path}", json=body)
    long = await client.post(f"/v1/{path}", json=body, headers=TWICE)
    assert shape(short) == shape(long)


@pytest.mark.parametrize("headers", [[], TWICE])
async def test_a_stranger_is_refused_on_both_ways(
    client: httpx.AsyncClient, headers: list[tuple[str, str]]
) -> None:
    sent = [*headers, ("Authorization", "Bearer nobody")]
    answer = await client.post("/v1/download-urls", json=ITEM, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_page_takes_the_long_way_and_may_read_the_answer() -> None:
    origin = "https://app.example"
    settings = settings_with(open_grant(), server={"cors_origins": [origin]})
    async with running(settings) as client:
        answer = await client.post("/v1/download-urls", json=ITEM, headers={"Origin": origin})
        other = await client.post("/v1/download-urls", json=ITEM)
    assert answer.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-origin" not in other.headers
    assert {answer.headers["vary"], other.headers["vary"]} == {"Origin"}


async def test_both_ways_share_the_places(client: httpx.AsyncClient) -> None:
    transport: Any = client._transport
    limiter = transport.app.fast_path._limiter
    limiter._free = 0
    for headers in ([], TWICE):
        answer = await client.post("/v1/download-urls", json=ITEM, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, Overloaded.code)
        assert answer.headers["retry-after"] == "1"
    limiter._free = 1
    for headers in ([], TWICE, [], TWICE):
        answer = await client.post("/v1/download-urls", json=ITEM, headers=headers)
        assert answer.status_code == 200


@pytest.mark.parametrize("headers", [[], TWICE])
async def test_both_ways_bound_one_callers_places(
    client: httpx.AsyncClient, headers: list[tuple[str, str]]
) -> None:
    transport: Any = client._transport
    limiter = transport.app.fast_path._limiter
    limiter._free, owner = 3, (None, "tester")
    for _ in range(2):
        limiter.acquire(owner)
    answer = await client.post("/v1/download-urls", json=ITEM, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, Overloaded.code)
    assert answer.json()["detail"] == "Too many requests of yours are under way."
    limiter.release(owner)
    answer = await client.post("/v1/download-urls", json=ITEM, headers=headers)
    assert answer.status_code == 200
    assert (limiter._free, limiter._held) == (2, {owner: 1})


@pytest.mark.parametrize("headers", [[], TWICE])
async def test_a_place_is_held_until_a_refusal_is_sent(
    client: httpx.AsyncClient, headers: list[tuple[str, str]]
) -> None:
    transport: Any = client._transport
    app, limiter = transport.app, transport.app.fast_path._limiter
    free, seen = limiter._free, list[int]()

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def look_and_send(message: Any) -> None:
            seen.append(limiter._free)
            await send(message)

        await app(scope, receive, look_and_send)

    sent = [*headers, ("Authorization", "Bearer nobody")]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(watched), base_url="http://presign"
    ) as watching:
        answer = await watching.post("/v1/download-urls", json=ITEM, headers=sent)
    assert answer.status_code == 401
    assert (set(seen), limiter._free) == ({free - 1}, free)


@pytest.mark.parametrize("headers", [[], TWICE])
async def test_who_finds_no_place_is_counted_under_no_route(
    client: httpx.AsyncClient, headers: list[tuple[str, str]]
) -> None:
    transport: Any = client._transport
    transport.app.fast_path._limiter._free = 0
    await client.post("/v1/download-urls", json=ITEM, headers=headers)
    line = 'seconds_count{method="POST",route="none",status="503"} 1.0'
    assert line in (await client.get("/metrics")).text


async def test_a_batch_tells_of_each_what_a_single_call_tells(client: httpx.AsyncClient) -> None:
    item = {**ITEM, "content_length": 5, "metadata": {"a": "b"}, "filename": "c"}
    single = (await client.post("/v1/upload-urls", json=item)).json()
    alike = (await client.post("/v1/upload-urls/batch", json={"items": [item] * 3})).json()
    for result in alike["results"]:
        assert result["request"].keys() == single.keys()
        assert result["request"]["headers"] == single["headers"]
        assert result["request"]["content_length"] == 5


async def test_a_content_length_of_very_many_digits_is_no_fault(client: httpx.AsyncClient) -> None:
    for length in ("0" * 5000 + "27", "9" * 5000):
        headers = {"Content-Length": length}
        answer = await client.post("/v1/download-urls", content=b"{}", headers=headers)
        assert answer.status_code in {413, 422}


async def test_both_ways_are_measured_as_one(client: httpx.AsyncClient) -> None:
    for headers in ([], TWICE):
        await client.post("/v1/download-urls", json=ITEM, headers=headers)
    line = 'seconds_count{method="POST",route="/v1/download-urls",status="200"} 2.0'
    assert line in (await client.get("/metrics")).text
