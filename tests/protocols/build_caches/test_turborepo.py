"""What Turborepo's requests are answered, as they were seen on the wire."""

import json

import pytest

from service.protocols.build_caches.routes import MAX_EVENTS_BYTES, MAX_HASHES
from tests.protocols.build_caches.harness import (
    BODY,
    OF_PULL,
    OTHERS,
    OWN,
    TRUSTED,
    TURBO,
    Harness,
    allowed_headers,
    grant,
    refused,
    settings,
    signed,
    start,
    writing,
)
from tests.support.app import API_KEY

ARTIFACT = f"{TRUSTED}turborepo/abc"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_preflight_of_a_hit_has_the_stores_address(harness: Harness, method: str) -> None:
    harness.has(ARTIFACT)
    answer = await harness.preflight(method)
    assert answer.status_code == 200
    assert signed(answer) == (ARTIFACT, "900", {"host"})
    assert "Authorization" not in allowed_headers(answer)
    assert answer.content == b""


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", ""])
async def test_a_preflight_of_a_miss_brings_the_request_here(harness: Harness, method: str) -> None:
    answer = await harness.preflight(method)
    assert answer.status_code == 204
    assert "location" not in answer.headers
    assert "Authorization" in allowed_headers(answer)


async def test_a_preflight_of_a_page_gets_no_address(harness: Harness) -> None:
    harness.has(ARTIFACT)
    answer = await harness.preflight("GET", Origin="https://page.example")
    assert answer.status_code == 204
    assert "location" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers


async def test_a_preflight_of_an_allowed_page_is_answered_for_it() -> None:
    configured = settings(server={"cors_origins": ["https://page.example"]})
    async with start(configured) as harness:
        harness.has(ARTIFACT)
        answer = await harness.preflight("GET", Origin="https://page.example")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://page.example"
    assert "location" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_without_a_preflight_is_redirected(harness: Harness, method: str) -> None:
    harness.has(ARTIFACT)
    answer = await harness.send(method, f"{TURBO}/abc?teamId=x")
    assert answer.status_code == 307
    assert signed(answer) == (ARTIFACT, "900", {"host"})


async def test_an_upload_without_a_preflight_is_told_the_variable(harness: Harness) -> None:
    answer = await harness.send("PUT", f"{TURBO}/abc", content=BODY)
    assert refused(answer) == (403, "forbidden")
    assert "TURBO_PREFLIGHT=true" in answer.json()["error"]["message"]


async def test_status_says_whether_the_caller_may_read() -> None:
    for grants, status in (
        (OF_PULL, "enabled"),
        ((writing(OWN),), "enabled"),
        ((grant(TRUSTED, "download"),), "disabled"),
        ((writing(OTHERS),), "disabled"),
    ):
        async with start(settings(*grants)) as harness:
            answer = await harness.send("GET", f"{TURBO}/status?slug=acme")
            assert (answer.status_code, answer.json()) == (200, {"status": status})
            assert harness.audit_bytes == []


async def test_a_batch_says_what_is_there() -> None:
    async with start(settings(*OF_PULL)) as harness:
        harness.has(f"{TRUSTED}turborepo/a", size=5)
        harness.has(f"{OWN}turborepo/b", f"{OTHERS}8/turborepo/c", size=7)
        answer = await harness.batch("a", "b", "c", "a")
    sizes = {"a": {"size": 5, "taskDurationMs": 0}, "b": {"size": 7, "taskDurationMs": 0}}
    assert (answer.status_code, answer.json()) == (200, {**sizes, "c": None})


async def test_an_empty_batch_has_nothing(harness: Harness) -> None:
    answer = await harness.batch()
    assert (answer.status_code, answer.json()) == (200, {})


async def test_a_batch_has_a_limit(harness: Harness) -> None:
    assert (await harness.batch(*map(str, range(MAX_HASHES)))).status_code == 200
    assert refused(await harness.batch(*map(str, range(MAX_HASHES + 1)))) == (
        400,
        "invalid_request",
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"hashes": "abc"}', b'{"hashes": [1]}', b'{"hashes": ["../a"]}'],
)
async def test_a_batch_that_is_none_is_refused(harness: Harness, body: bytes) -> None:
    answer = await harness.send("POST", TURBO, content=body)
    assert refused(answer)[0] == 400
    assert harness.line()["route"] == "/caches/{path:path}"


async def test_a_long_batch_is_refused_unread(harness: Harness) -> None:
    body = json.dumps({"hashes": ["a"], "more": "x" * 65536}).encode()
    assert refused(await harness.send("POST", TURBO, content=body)) == (413, "body_too_large")


async def test_events_are_dropped(harness: Harness) -> None:
    answer = await harness.send("OPTIONS", f"{TURBO}/events")
    assert answer.status_code == 204
    assert "Authorization" in allowed_headers(answer)
    answer = await harness.send("POST", f"{TURBO}/events", content=b"[" * MAX_EVENTS_BYTES)
    assert (answer.status_code, answer.content) == (200, b"")
    answer = await harness.send("POST", f"{TURBO}/events", content=b"[" * (MAX_EVENTS_BYTES + 1))
    assert refused(answer) == (413, "body_too_large")
    assert harness.audit_bytes == []


async def test_an_unknown_caller_is_told_at_once(harness: Harness) -> None:
    for headers in ({"Authorization": "Bearer canary"}, {"Authorization": "Basic eDp5"}):
        for method, path in (
            ("OPTIONS", f"{TURBO}/abc"),
            ("GET", f"{TURBO}/abc"),
            ("GET", f"{TURBO}/status"),
            ("POST", TURBO),
            ("POST", f"{TURBO}/events"),
        ):
            answer = await harness.send(method, path, headers=headers)
            assert refused(answer) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "canary" not in answer.text


async def test_unknown_and_forbidden_caches_look_the_same() -> None:
    async with start(settings(grant("elsewhere/"))) as harness:
        for method, rest in (
            ("GET", "/abc"),
            ("PUT", "/abc"),
            ("GET", "/status"),
            ("OPTIONS", "/a"),
        ):
            answers = [
                await harness.send(method, f"/caches/{name}/v8/artifacts{rest}")
                for name in ("web", "unknown")
            ]
            [known, unknown] = [each.text.partition('"request_id"')[0] for each in answers]
            assert known == unknown
            assert answers[0].status_code == answers[1].status_code


@pytest.mark.parametrize(
    "path", ["", "/v8", "/v8/other", "/v9/artifacts/abc", "/v8/artifacts/abc/"]
)
async def test_other_paths_are_unknown(harness: Harness, path: str) -> None:
    answer = await harness.send("GET", f"/caches/web{path}")
    assert answer.status_code in {400, 404}


@pytest.mark.parametrize("name", ["a" * 64, "a%20b", "%2e%2e", ""])
async def test_an_impossible_name_is_unknown(harness: Harness, name: str) -> None:
    answer = await harness.send("GET", f"/caches/{name}/v8/artifacts/abc")
    assert answer.status_code == 404


async def test_no_answer_has_the_token(harness: Harness) -> None:
    harness.has(ARTIFACT)
    for answer in (await harness.preflight("GET"), await harness.preflight("PUT", "new")):
        assert API_KEY not in str(answer.headers)
        assert answer.headers["cache-control"] == "no-store"
