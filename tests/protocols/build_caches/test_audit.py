"""One audit line a request, with the cache and the keys, and nothing that opens anything."""

from typing import Any, Final

import pytest

from service.errors import Overloaded
from tests.protocols.build_caches.harness import (
    BODY,
    NX,
    OF_PULL,
    OWN,
    TRUSTED,
    TURBO,
    Harness,
    settings,
    start,
)
from tests.support.app import API_KEY, SECRET, TOKEN

FIELDS: Final = ("decision", "reason", "operation", "bucket", "cache")


def said(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line.get(name) for name in FIELDS)


async def test_a_hit_has_the_key_that_was_found() -> None:
    async with start(settings(*OF_PULL)) as harness:
        harness.has(f"{OWN}nx/abc")
        await harness.send("GET", f"{NX}/abc")
        line = harness.line()
        assert said(line) == ("allowed", None, "download", "demo", "web")
        assert line["keys"] == [f"{OWN}nx/abc"]
        assert line["expires_in"] == 900


async def test_a_miss_has_both_keys_that_were_looked_at() -> None:
    async with start(settings(*OF_PULL)) as harness:
        for method, path in (("GET", f"{NX}/abc"), ("GET", f"{TURBO}/abc"), ("HEAD", f"{NX}/abc")):
            await harness.send(method, path)
            line = harness.line()
            assert said(line) == ("denied", "not_found", "download", "demo", "web")
            program = path.split("/")[3]
            folder = "nx" if program == "v1" else "turborepo"
            assert line["keys"] == [f"{TRUSTED}{folder}/abc", f"{OWN}{folder}/abc"]


async def test_a_preflight_has_a_line_as_its_request(harness: Harness) -> None:
    await harness.preflight("PUT")
    line = harness.line()
    assert said(line) == ("allowed", None, "upload", "demo", "web")
    assert line["keys"] == [f"{TRUSTED}turborepo/abc"]
    await harness.preflight("GET")
    assert said(harness.line()) == ("denied", "not_found", "download", "demo", "web")


async def test_what_is_there_already_has_its_key() -> None:
    async with start(settings(*OF_PULL)) as harness:
        harness.has(f"{TRUSTED}nx/abc")
        await harness.send("PUT", f"{NX}/abc", content=BODY)
        line = harness.line()
        assert said(line) == ("denied", "object_exists", "upload", "demo", "web")
        assert line["keys"] == [f"{TRUSTED}nx/abc"]


async def test_a_batch_is_one_line(harness: Harness) -> None:
    harness.has(f"{TRUSTED}turborepo/a")
    await harness.batch("a", "b")
    line = harness.line()
    assert said(line) == ("allowed", None, "check", "demo", "web")
    assert line["keys"] == [f"{TRUSTED}turborepo/a", f"{TRUSTED}turborepo/b"]


async def test_the_true_reason_is_there_where_nx_reads_a_miss(harness: Harness) -> None:
    answer = await harness.send("GET", "/caches/unknown/v1/cache/abc")
    assert answer.status_code == 404
    assert said(harness.line()) == ("denied", "forbidden", "download", "/caches/unknown", "unknown")


@pytest.mark.parametrize(
    ("limit", "statuses"),
    [("1/hour", [404, 404]), ("2/hour", [307, 404]), ("3/hour", [307, 404])],
)
async def test_looks_and_signatures_count(limit: str, statuses: list[int]) -> None:
    async with start(settings(rate_limit=limit)) as harness:
        harness.has(f"{TRUSTED}nx/a", f"{TRUSTED}nx/b")
        found = [(await harness.send("GET", f"{NX}/{name}")).status_code for name in "ab"]
        assert found == statuses
        assert len(harness.audit_lines) == 2


async def test_a_batch_counts_once_a_hash() -> None:
    async with start(settings(*OF_PULL, rate_limit="3/hour")) as harness:
        assert (await harness.batch("a", "b", "c")).status_code == 200
        answer = await harness.batch("d")
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
        assert "retry-after" in answer.headers


async def test_a_batch_of_no_hashes_counts_as_one() -> None:
    async with start(settings(*OF_PULL, rate_limit="1/hour")) as harness:
        answer = await harness.batch()
        assert (answer.status_code, answer.json()) == (200, {})
        assert (await harness.batch()).status_code == 429
        decisions = [(line["decision"], line["keys"]) for line in harness.audit_lines]
        assert decisions == [("allowed", []), ("denied", [])]


async def test_no_line_has_a_url_or_a_secret(harness: Harness) -> None:
    harness.has(f"{TRUSTED}nx/abc")
    await harness.send("GET", f"{NX}/abc")
    await harness.preflight("PUT")
    await harness.send("PUT", f"{NX}/new?canary", content=BODY)
    written = b"".join(harness.audit_bytes).decode()
    for secret in (API_KEY, SECRET, TOKEN, "X-Amz", "Signature", "https://", "canary"):
        assert secret not in written


async def test_without_an_audit_line_there_is_no_answer() -> None:
    def fails(_: object) -> None:
        raise Overloaded("The audit trail is full.")

    async with start(audit=fails) as harness:
        harness.has(f"{TRUSTED}nx/abc")
        for method, name in (("GET", "abc"), ("GET", "none"), ("PUT", "new")):
            answer = await harness.send(method, f"{NX}/{name}", content=b"")
            assert "location" not in answer.headers
            assert "overloaded" in answer.text
        assert (await harness.preflight("PUT")).status_code == 204
