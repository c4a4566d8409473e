"""Refusals: how Uppy can show them, and that callers cannot reach each other's uploads."""

from collections.abc import Mapping
from typing import Any, Final

import httpx
import pytest

from service.api.problems import Problems
from service.api.request_state import RequestState
from service.errors import InvalidRequest
from service.protocols.uppy.routes import refusal
from tests.protocols.uppy.harness import (
    BOB,
    GRANT,
    MAX_LENGTH,
    MIN_PART,
    MULTIPART,
    PARAMS,
    PDF,
    SIGN,
    TYPES,
    Harness,
    settings,
    start_harness,
    with_bucket,
)
from tests.support.app import make_app_settings, make_open_grant, run_app

THESE_TYPES: Final = f"Your grant allows these types: {', '.join(TYPES)}."
NO_GRANT: Final = "You have no grant for this bucket, key and operation."
THIS_MUCH: Final = f"Your grant allows at most {MAX_LENGTH} bytes."
PART: Final = {"parts": [{"PartNumber": 1, "ETag": "e"}]}
Call = tuple[str, str, dict[str, Any] | None]  # method, path, body
CALLS_WITHOUT_KEY: Final[list[Call]] = [("GET", PARAMS, None), ("POST", MULTIPART, PDF)]
# Every call with a key. It is in the query, except for calls to sign.
CALLS_WITH_KEY: Final[list[Call]] = [
    ("GET", f"{MULTIPART}/upload-1", None),
    ("GET", f"{MULTIPART}/upload-1/1", None),
    ("POST", f"{MULTIPART}/upload-1/complete", PART),
    ("DELETE", f"{MULTIPART}/upload-1", None),
    ("POST", SIGN, {"method": "PUT", "uploadId": "upload-1", "partNumber": 1}),
    ("POST", SIGN, {"method": "GET", "uploadId": "upload-1"}),
    ("POST", SIGN, {"method": "POST", "uploadId": "upload-1"}),
    ("POST", SIGN, {"method": "DELETE", "uploadId": "upload-1"}),
    ("POST", SIGN, {"method": "DELETE"}),
]
each_call = pytest.mark.parametrize(
    "call", CALLS_WITH_KEY, ids=[f"{m} {p} {b and b.get('method')}" for m, p, b in CALLS_WITH_KEY]
)


async def send(
    client: httpx.AsyncClient, call: Call, key: str, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    method, path, body = call
    if path == SIGN:
        return await client.post(path, json={**(body or {}), "key": key}, headers=headers)
    address = httpx.URL(path).copy_add_param("key", key)
    return await client.request(method, address, json=body, headers=headers)


def check_problem(answer: httpx.Response, status: int, code: str, message: str) -> None:
    """A problem for programs, with the message that Uppy shows."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert (problem["detail"], problem["message"]) == (message, message)
    assert problem["request_id"] == answer.headers["x-request-id"]


def check_code(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def begun(harness: Harness, kind: str | None, length: int | None) -> list[httpx.Response]:
    """The answers to each call that begins an upload."""
    old, new = {"filename": "a", "type": kind}, {"key": "a", "contentType": kind}
    known = {"metadata[contentLength]": str(length)} if length else {}
    return [
        await harness.client.get(PARAMS, params={**old, "type": kind or "", **known}),
        await harness.client.post(MULTIPART, json={**old, "metadata": {"contentLength": length}}),
        await harness.sign_raw(method="PUT", **new, contentLength=length),
        await harness.sign_raw(method="POST", **new, contentLength=length),
    ]


@pytest.mark.parametrize(
    ("kind", "length", "problem"),
    [
        ("text/html", None, (403, "limit_exceeded", THESE_TYPES)),
        (None, None, (422, "invalid_request", f"{THESE_TYPES} Give one.")),
        ("image/png", MAX_LENGTH + 1, (403, "limit_exceeded", THIS_MUCH)),
        ("image/png", 5 * 1024**3, (403, "limit_exceeded", THIS_MUCH)),
    ],
)
async def test_a_type_or_length_that_is_not_granted_is_refused(
    harness: Harness, kind: str | None, length: int | None, problem: tuple[int, str, str]
) -> None:
    for answer in await begun(harness, kind, length):
        check_problem(answer, *problem)
    assert harness.store.requests == []


async def test_a_form_has_at_most_5_gib() -> None:
    async with start_harness(settings(grants=[make_open_grant(prefix="uploads/")])) as harness:
        known = {"metadata[contentLength]": str(5 * 1024**3 + 1)}
        answer = await harness.client.get(PARAMS, params={**PDF, **known})
        text = f"This upload can have at most {5 * 1024**3} bytes."
        check_problem(answer, 422, "invalid_request", text)


@each_call
async def test_callers_cannot_reach_each_others_uploads(call: Call) -> None:
    """Both callers have the same grant, which covers the key."""
    everything = make_open_grant(prefix="uploads/")
    async with start_harness(settings(grants=[everything])) as harness:
        _, key = await harness.create()
        part = harness.store.put("upload-1", 1, MIN_PART)
        before = len(harness.store.requests)
        harness.audit_bytes.clear()
        answer = await send(harness.client, call, key, BOB)
        check_problem(answer, 403, "forbidden", NO_GRANT)
        assert len(harness.store.requests) == before
        assert harness.store.uploads["upload-1"].parts[1][0] == part.etag
        (line,) = harness.audit_lines
        assert (line["decision"], line["reason"]) == ("denied", "forbidden")
        assert (line["subject"], line["keys"]) == ("bob", [key])


@each_call
@pytest.mark.parametrize(
    "key",
    [
        "a",
        "uploads/",
        "uploads/_key/tester",
        "uploads/_key/teste/x/a.pdf",
        "uploads/_key/tester2/x/a.pdf",
        "/uploads/_key/tester/x/a.pdf",
        "uploads//_key/tester/x/a.pdf",
        "uploads/_key/tester/../bob/x.pdf",
    ],
)
async def test_a_key_outside_of_the_callers_prefix_is_refused(key: str, call: Call) -> None:
    problem = (422, "invalid_request") if ".." in key else (403, "forbidden")
    async with start_harness(settings(grants=[make_open_grant()])) as harness:
        check_code(await send(harness.client, call, key), *problem)
        assert harness.store.requests == []
        assert harness.audit_lines[0]["reason"] == problem[1]


@each_call
async def test_an_upload_id_is_valid_only_with_its_key(call: Call) -> None:
    async with start_harness(settings(grants=[make_open_grant(prefix="uploads/")])) as harness:
        await harness.create()
        own = f"uploads/_key/tester/{'0' * 32}/other.pdf"
        answer = await send(harness.client, call, own)
        sent = [each for each in harness.store.requests if "uploadId" in str(each.url)]
        assert answer.status_code == (404 if sent else 200)
        assert harness.store.uploads.keys() == {"upload-1"}


async def test_an_unknown_caller_is_refused(harness: Harness) -> None:
    stranger = {"Authorization": "Bearer wrong"}
    for call in (*CALLS_WITHOUT_KEY, *CALLS_WITH_KEY):
        answer = await send(harness.client, call, "uploads/_key/tester/x/a", stranger)
        check_code(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    found = {(line["reason"], *line["keys"]) for line in harness.audit_lines}
    assert found == {("unauthenticated",)}


@pytest.mark.parametrize(
    ("allow", "path"), [(["multipart"], PARAMS), (["form"], MULTIPART), (["upload"], PARAMS)]
)
async def test_forms_and_multipart_need_their_operation(allow: list[str], path: str) -> None:
    async with start_harness(settings(grants=[{**GRANT, "allow": allow}])) as harness:
        client = harness.client
        form = path == PARAMS
        answer = await (client.get(path, params=PDF) if form else client.post(path, json=PDF))
        check_code(answer, 403, "forbidden")
        assert harness.audit_lines[0]["decision"] == "denied"


async def test_uppys_calls_count_against_the_rate() -> None:
    async with start_harness(settings(own={"rate_limit": "3/hour"})) as harness:
        url, key = await harness.create()
        params = {"key": key}
        assert (await harness.client.get(f"{url}/1", params=params)).status_code == 200
        # A refused key counts too, so that nobody can try them all.
        assert (await harness.client.get(f"{url}/1", params={"key": "other"})).status_code == 403
        answer = await harness.client.get(f"{url}/1", params=params)
        check_code(answer, 429, "rate_limited")
        assert answer.json()["message"] == answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0
        assert [line["reason"] for line in harness.audit_lines[2:]] == ["forbidden", "rate_limited"]


async def test_an_invalid_request_is_refused(harness: Harness) -> None:
    url, key = await harness.create()
    at = {"key": key}
    swapped = [{"PartNumber": number, "ETag": "e"} for number in (2, 1)]
    for method, path, params, body in (
        ("GET", PARAMS, {"type": "image/png"}, None),
        ("GET", PARAMS, {**PDF, "metadata[contentLength]": "many"}, None),
        ("GET", f"{PARAMS}?filename=%ff&type=image/png", None, None),
        ("GET", f"{PARAMS}?filename=a&filename=b&type=image/png", None, None),
        ("POST", MULTIPART, None, {"type": "image/png"}),
        ("GET", f"{url}/0", at, None),
        ("GET", f"{url}/10001", at, None),
        ("GET", f"{url}/one", at, None),
        ("GET", f"{url}/1", None, None),
        ("POST", f"{url}/complete", at, {"parts": []}),
        ("POST", f"{url}/complete", at, {}),
        ("POST", f"{url}/complete", at, {"parts": swapped}),
    ):
        answer = await harness.client.request(method, path, params=params, json=body)
        check_code(answer, 422, "invalid_request")
        assert answer.json()["message"] == answer.json()["detail"]
    answer = await harness.client.post(MULTIPART, content=b'{"filename": NaN}')
    check_code(answer, 400, "invalid_json")


async def test_without_the_setting_the_routes_do_nothing() -> None:
    async with run_app(make_app_settings(make_open_grant())) as client:
        for method, path, body in (*CALLS_WITHOUT_KEY, *CALLS_WITH_KEY):
            answer = await client.request(method, path, json=body)
            check_code(answer, 404, "not_found")


async def test_multipart_needs_conditional_writes() -> None:
    """Forms do not, since their keys are unique."""
    async with start_harness(with_bucket(conditional_writes=False)) as harness:
        answer = await harness.client.post(MULTIPART, json=PDF)
        check_code(answer, 422, "create_only_unsupported")
        assert (await harness.client.get(PARAMS, params=PDF)).status_code == 200


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ("Your grant allows at most 5 bytes.", b"Your grant allows at most 5 bytes."),
        ("a\r\nset-cookie: b", b"a set-cookie: b"),
        ("grün", b"gr n"),
        ("x" * 1000, b"x" * 300),
    ],
)
def test_the_reason_has_only_valid_characters(detail: str, reason: bytes) -> None:
    state = RequestState("request-1", 0.0)
    refusal(Problems(), InvalidRequest(detail), state)
    assert state.reason == reason
