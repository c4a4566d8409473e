"""The audit line of each request over HTTP, and that there is no URL without one."""

import json
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import httpx
import pytest

from service.errors import Overloaded
from tests.api.signing_calls import CALLS, GET
from tests.support.app import API_KEY, app_of, make_app_settings, make_open_grant, run_app
from tests.support.waiting import until

# Their lines have tests of their own: `tests/multipart/test_audit.py`, `test_object_checks.py`
# `test_diagnoses.py` and `tests/presigning/test_delivery.py`. `GET /v1/caller` leaves none.
OTHERS: Final = (
    *("/v1/multipart-uploads", "/v1/object-checks", "/v1/objects", "/v1/object-versions"),
    *("/v1/diagnoses", "/v1/caller", "/v1/links", "/v1/cookies"),
)
calls = pytest.mark.parametrize(("path", "body"), CALLS, ids=[path for path, _ in CALLS])


class AuditTrail:
    """Collects lines, or fails if `works` is False."""

    def __init__(self) -> None:
        self.works = True
        self.written: list[bytes] = []

    def write(self, lines: Iterable[bytes]) -> None:
        if not self.works:
            raise Overloaded("The audit trail cannot be written right now.", retry_after=7)
        self.written += lines

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written]

    @property
    def line(self) -> dict[str, Any]:
        [line] = self.lines
        return line


@pytest.fixture(name="audit_trail")
def _trail() -> AuditTrail:
    return AuditTrail()


@pytest.fixture(name="client")
async def _client(audit_trail: AuditTrail) -> AsyncIterator[httpx.AsyncClient]:
    buckets = {"tagged": {"region": "eu-west-1", "credentials": "static", "tag_urls": True}}
    grants = [make_open_grant(), make_open_grant(bucket="tagged")]
    settings = make_app_settings(*grants, buckets=buckets)
    async with run_app(settings, audit=audit_trail.write) as client:
        yield client


def test_every_call_that_signs_is_covered(client: httpx.AsyncClient) -> None:
    paths = {path for path in app_of(client).openapi()["paths"] if not path.startswith(OTHERS)}
    assert paths == {f"/v1/{path}" for path, _ in CALLS}


@calls
async def test_each_call_leaves_one_line_with_its_request_id(
    client: httpx.AsyncClient, audit_trail: AuditTrail, path: str, body: dict[str, Any]
) -> None:
    answer = await client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 200
    assert audit_trail.line["request_id"] == answer.headers["x-request-id"]
    assert (audit_trail.line["decision"], audit_trail.line["bucket"]) == ("allowed", "demo")
    assert (audit_trail.line["subject"], audit_trail.line["s3_bucket"]) == ("tester", "demo")
    assert audit_trail.line["keys"] == ["a"]
    assert audit_trail.line["access_key_id"] == "ASIAEXAMPLE"


async def test_a_tagged_url_has_the_request_id(
    client: httpx.AsyncClient, audit_trail: AuditTrail
) -> None:
    items = [GET | {"bucket": "tagged"}, GET | {"bucket": "tagged", "key": "b"}, GET]
    answer = await client.post(
        "/v1/download-urls/batch", json={"items": items}, headers={"X-Request-ID": "job-8"}
    )
    urls = [result["request"]["url"] for result in answer.json()["results"]]
    assert ["x-presign-id=job-8" in url for url in urls] == [True, True, False]
    assert {line["request_id"] for line in audit_trail.lines} == {"job-8"}


@pytest.mark.parametrize("address", ["192.0.2.77", None])
async def test_the_clients_address_is_that_of_the_connection(
    client: httpx.AsyncClient, audit_trail: AuditTrail, address: str | None
) -> None:
    """The caller could choose what a header says."""
    transport: Any = client._transport
    transport.client = address and (address, 4711)
    headers = {"X-Forwarded-For": "203.0.113.1", "Forwarded": "for=203.0.113.1"}
    await client.post("/v1/download-urls", json=GET, headers=headers)
    assert audit_trail.line.get("client") == address


@calls
async def test_failed_authentication_is_audited(
    client: httpx.AsyncClient, audit_trail: AuditTrail, path: str, body: dict[str, Any]
) -> None:
    transport: Any = client._transport
    transport.client = ("192.0.2.77", 4711)
    client.headers["Authorization"] = "Bearer wrong"
    answer = await client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 401
    line = audit_trail.line
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "audit",
        "request_id": answer.headers["x-request-id"],
        "client": "192.0.2.77",
        "decision": "denied",
        "reason": "unauthenticated",
        "route": f"/v1/{path}",
        "keys": [],
        "part": 1,
        "parts": 1,
    }


async def test_failed_authentications_are_ten_lines_a_second_at_most(
    client: httpx.AsyncClient, audit_trail: AuditTrail
) -> None:
    client.headers["Authorization"] = "Bearer wrong"
    began, sent = time.monotonic(), 0
    while sent < 200 or time.monotonic() - began < 0.5:
        assert (await client.post("/v1/download-urls", json=GET)).status_code == 401
        sent += 1
    await until(lambda: sum(map(refused_by, audit_trail.lines)) == sent)
    assert len(audit_trail.lines) <= 10 * (time.monotonic() - began + 1)
    assert any("suppressed" in line for line in audit_trail.lines)


def refused_by(line: dict[str, Any]) -> int:
    """The number of requests that a line stands for."""
    suppressed: int = line.get("suppressed", 1)
    return suppressed


@calls
async def test_an_invalid_body_leaves_no_line(
    client: httpx.AsyncClient, audit_trail: AuditTrail, path: str, body: dict[str, Any]
) -> None:
    for content in (b"{", b"[]", b'{"bucket": "demo"}', b"x" * 5_000_000):
        answer = await client.post(f"/v1/{path}", content=content)
        assert answer.status_code in {400, 413, 422}
    assert audit_trail.written == []


async def test_caller_and_health_leave_no_line(
    client: httpx.AsyncClient, audit_trail: AuditTrail
) -> None:
    audit_trail.works = False
    assert (await client.get("/v1/caller")).status_code == 200
    assert (await client.get("/livez")).status_code == 200
    assert audit_trail.written == []


@calls
async def test_without_an_audit_trail_the_response_is_503(
    client: httpx.AsyncClient, audit_trail: AuditTrail, path: str, body: dict[str, Any]
) -> None:
    audit_trail.works = False
    answer = await client.post(f"/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    for part in ("https://", "X-Amz", "x-amz", "results", API_KEY):
        assert part not in answer.text
    audit_trail.works = True
    assert (await client.post(f"/v1/{path}", json=body)).status_code == 200


async def test_a_refused_batch_leaves_ten_keys_and_a_count(audit_trail: AuditTrail) -> None:
    settings = make_app_settings(make_open_grant(), rate_limit="1/minute")
    keys = [f"{number}/" + "\u65e5" * 300 for number in range(1000)]
    items = [{**GET, "key": key, "not": "validated"} for key in keys]
    async with run_app(settings, audit=audit_trail.write) as client:
        answer = await client.post("/v1/download-urls/batch", json={"items": items})
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        metrics = (await client.get("/metrics")).text
    line = audit_trail.line
    assert (line["decision"], line["reason"]) == ("denied", "rate_limited")
    assert (line["operation"], line["bucket"], line["s3_bucket"]) == ("download", "demo", "demo")
    assert line["keys"] == keys[:10]
    assert line["keys_count"] == 1000
    assert 'presign_refused_total{code="rate_limited"} 1000.0' in metrics


@pytest.mark.parametrize("items", [[1, None, "x"], [{"key": 1}, {"bucket": []}], [{}, {}]])
async def test_a_refused_batch_of_any_shape_is_audited(
    audit_trail: AuditTrail, items: list[Any]
) -> None:
    settings = make_app_settings(make_open_grant(), rate_limit="1/minute")
    async with run_app(settings, audit=audit_trail.write) as client:
        answer = await client.post("/v1/download-urls/batch", json={"items": items})
    assert answer.status_code == 429
    assert audit_trail.line["keys_count"] == len(items)
    assert "bucket" not in audit_trail.line


@pytest.mark.parametrize("is_of_keys", [True, False])
async def test_a_refused_batch_names_a_bucket_whole(
    audit_trail: AuditTrail, *, is_of_keys: bool
) -> None:
    """Cut at 63 characters, this name would be that of another bucket, which exists."""
    near, bucket = "b" * 63, "b" * 255
    place = {"region": "eu-west-1", "credentials": "static"}
    settings = make_app_settings(make_open_grant(), rate_limit="1/minute", buckets={near: place})
    items = [{"bucket": bucket, "key": key} for key in "ab"]
    body = {"bucket": bucket, "keys": ["a", "b"]} if is_of_keys else {"items": items}
    async with run_app(settings, audit=audit_trail.write) as client:
        answer = await client.post("/v1/download-urls/batch", json=body)
    assert answer.status_code == 429
    assert audit_trail.line["bucket"] == bucket
    assert "s3_bucket" not in audit_trail.line


async def test_the_bucket_of_a_refused_batch_is_bounded(audit_trail: AuditTrail) -> None:
    settings = make_app_settings(make_open_grant(), rate_limit="1/minute")
    items = [{"bucket": "b" * 60_000, "key": key} for key in "ab"]
    async with run_app(settings, audit=audit_trail.write) as client:
        answer = await client.post("/v1/download-urls/batch", json={"items": items})
    assert answer.status_code == 429
    assert audit_trail.line["bucket"] == "b" * 255


async def test_a_batch_that_no_grant_covers_leaves_one_line(
    client: httpx.AsyncClient, audit_trail: AuditTrail
) -> None:
    keys = [f"{number}/" + "\x01" * 500 for number in range(1000)]
    items = [{"bucket": "closed", "key": key} for key in keys]
    answer = await client.post("/v1/download-urls/batch", json={"items": items})
    assert answer.json()["failed"] == 1000
    [line] = audit_trail.written
    assert len(line) <= 15 * 1024
    assert audit_trail.line["keys_count"] == 1000
    assert audit_trail.line["keys"] == [key[:150] for key in keys[:10]]


async def test_a_batch_of_many_refusals_leaves_few_lines(
    client: httpx.AsyncClient, audit_trail: AuditTrail
) -> None:
    items = [{"bucket": f"none-{number}", "key": "a"} for number in range(1000)]
    answer = await client.post("/v1/download-urls/batch", json={"items": items})
    assert answer.json()["failed"] == 1000
    *own, rest = audit_trail.lines
    assert [line["bucket"] for line in own] == [f"none-{number}" for number in range(10)]
    assert (rest["operation"], rest["keys_count"]) == ("download", 990)
    assert rest.keys().isdisjoint({"reason", "bucket"})
