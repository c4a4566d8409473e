"""Who may not: how Uppy shows why, and that nobody reaches another's uploads."""

import json
from collections.abc import Mapping
from typing import Any, Final

import httpx
import pytest

from service.errors import InvalidRequest
from service.protocols.uppy.errors import Refusal
from tests.api.conftest import open_grant, running, settings_with
from tests.protocols.uppy.harness import (
    BOB,
    GRANT,
    LEAST,
    MOST,
    MULTIPART,
    PARAMS,
    PDF,
    SIGN,
    TYPES,
    House,
    a_house,
    settings,
)

HTML: Final = {"filename": "page.html", "type": "text/html"}
THESE_TYPES: Final = f"Your grant allows these types: {', '.join(TYPES)}."
THIS_MUCH: Final = f"Your grant allows at most {MOST} bytes."
PART: Final = {"parts": [{"PartNumber": 1, "ETag": "e"}]}
Call = tuple[str, str, dict[str, Any] | None]  # method, path, body
# Every call that names a key; but for those that are signed it is in the query.
LATER: Final[list[Call]] = [
    ("GET", f"{MULTIPART}/upload-1", None),
    ("GET", f"{MULTIPART}/upload-1/1", None),
    ("GET", f"{MULTIPART}/upload-1/batch?partNumbers=1", None),
    ("POST", f"{MULTIPART}/upload-1/complete", PART),
    ("DELETE", f"{MULTIPART}/upload-1", None),
    ("POST", SIGN, {"method": "PUT", "uploadId": "upload-1", "partNumber": 1}),
    ("POST", SIGN, {"method": "GET", "uploadId": "upload-1"}),
    ("POST", SIGN, {"method": "POST", "uploadId": "upload-1"}),
    ("POST", SIGN, {"method": "DELETE", "uploadId": "upload-1"}),
    ("POST", SIGN, {"method": "DELETE"}),
]
later = pytest.mark.parametrize(
    "call", LATER, ids=[f"{m} {p} {b and b.get('method')}" for m, p, b in LATER]
)


async def ask(
    client: httpx.AsyncClient, call: Call, key: str, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    method, path, body = call
    if path == SIGN:
        return await client.request(
            method, path, json={**(body or {}), "key": key}, headers=headers
        )
    address = httpx.URL(path).copy_add_param("key", key)
    return await client.request(method, address, json=body, headers=headers)


def refused(answer: httpx.Response, status: int, code: str, message: str) -> None:
    """As a problem for programs, with the words that Uppy shows."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (answer.status_code, told["status"], told["code"]) == (status, status, code), told
    assert (told["detail"], told["message"]) == (message, message)
    assert told["request_id"] == answer.headers["x-request-id"]


async def test_a_type_that_is_not_granted_is_named(house: House) -> None:
    single = await house.client.get(PARAMS, params=HTML)
    parts = await house.client.post(MULTIPART, json=HTML)
    signed = await house.client.post(
        SIGN, json={"method": "PUT", "key": "a.html", "contentType": "text/html"}
    )
    begun = await house.client.post(
        SIGN, json={"method": "POST", "key": "a.html", "contentType": "text/html"}
    )
    for answer in (single, parts, signed, begun):
        refused(answer, 403, "limit_exceeded", THESE_TYPES)
    assert house.store.requests == []


async def test_a_type_that_is_missing_is_asked_for(house: House) -> None:
    for answer in (
        await house.client.get(PARAMS, params={"filename": "a"}),
        await house.client.post(MULTIPART, json={"filename": "a", "type": ""}),
        await house.client.post(SIGN, json={"method": "POST", "key": "a"}),
    ):
        refused(answer, 422, "invalid_request", f"{THESE_TYPES} Give one.")


@pytest.mark.parametrize("length", [MOST + 1, 5 * 1024**3])
async def test_a_length_that_is_not_granted_is_named_before_a_byte_is_sent(
    house: House, length: int
) -> None:
    told = {"contentLength": length}
    for answer in (
        await house.client.get(PARAMS, params={**PDF, "metadata[contentLength]": str(length)}),
        await house.client.post(MULTIPART, json={**PDF, "metadata": told}),
        await house.sign_raw(method="PUT", key="a", contentType="image/png", **told),
        await house.sign_raw(method="POST", key="a", contentType="image/png", **told),
    ):
        refused(answer, 403, "limit_exceeded", THIS_MUCH)


async def test_no_form_is_longer_than_s3_takes_one() -> None:
    async with a_house(settings(grants=[open_grant(prefix="uploads/")])) as house:
        told = {"metadata[contentLength]": str(5 * 1024**3 + 1)}
        answer = await house.client.get(PARAMS, params={**PDF, **told})
        refused(
            answer, 422, "invalid_request", f"This upload can have at most {5 * 1024**3} bytes."
        )


@later
async def test_nobody_reaches_another_callers_upload(call: Call) -> None:
    """Though both have the same grant, which covers it."""
    everything = open_grant(prefix="uploads/")
    async with a_house(settings(grants=[everything])) as house:
        _, key = await house.created()
        part = house.store.put("upload-1", 1, LEAST)
        before = len(house.store.requests)
        house.written.clear()
        answer = await ask(house.client, call, key, BOB)
        refused(answer, 403, "forbidden", "You have no grant for this bucket, key and operation.")
        assert len(house.store.requests) == before
        assert house.store.uploads["upload-1"].parts[1][0] == part.etag
        (line,) = house.lines
        assert (line["decision"], line["reason"]) == ("denied", "forbidden")
        assert (line["subject"], line["keys"]) == ("bob", [key])


@later
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
    ],
)
async def test_a_key_that_the_service_would_not_choose_is_refused(key: str, call: Call) -> None:
    async with a_house(settings(grants=[open_grant()])) as house:
        answer = await ask(house.client, call, key)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert house.store.requests == []
        assert house.lines[0]["reason"] == "forbidden"


@later
async def test_a_segment_that_leads_elsewhere_is_no_key(house: House, call: Call) -> None:
    key = "uploads/_key/tester/../bob/x.pdf"
    answer = await ask(house.client, call, key)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert house.store.requests == []


@later
async def test_an_id_of_nothing_is_told_by_the_store_alone(call: Call) -> None:
    """An upload's id is of use with its key only: the store knows no other pair."""
    async with a_house(settings(grants=[open_grant(prefix="uploads/")])) as house:
        await house.created()
        own = f"uploads/_key/tester/{'0' * 32}/other.pdf"
        answer = await ask(house.client, call, own)
        asks_the_store = [each for each in house.store.requests if "uploadId" in str(each.url)]
        expected = 404 if asks_the_store else 200
        assert answer.status_code == expected
        assert house.store.uploads.keys() == {"upload-1"}


async def test_who_is_not_known_is_told_so_and_nothing_else(house: House) -> None:
    stranger = {"Authorization": "Bearer wrong"}
    calls: list[Call] = [("GET", PARAMS, None), ("POST", MULTIPART, PDF), *LATER]
    for call in calls:
        answer = await ask(house.client, call, "uploads/_key/tester/x/a", stranger)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    lines = [json.loads(line) for line in house.written]
    assert {(line["reason"], *line["keys"]) for line in lines} == {("unauthenticated",)}


@pytest.mark.parametrize(
    ("allow", "path"), [(["multipart"], PARAMS), (["form"], MULTIPART), (["upload"], PARAMS)]
)
async def test_each_way_needs_its_operation(allow: list[str], path: str) -> None:
    async with a_house(settings(grants=[{**GRANT, "allow": allow}])) as house:
        answer = (
            await house.client.get(path, params=PDF)
            if path == PARAMS
            else await house.client.post(path, json=PDF)
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert house.lines[0]["decision"] == "denied"


async def test_a_rate_counts_what_uppy_asks_for() -> None:
    async with a_house(settings(own={"rate_limit": "3/hour"})) as house:
        one, key = await house.created()
        asked = {"key": key}
        assert (await house.client.get(f"{one}/1", params=asked)).status_code == 200
        # A key that is refused counts as well: nobody tries all there are.
        assert (await house.client.get(f"{one}/1", params={"key": "other"})).status_code == 403
        answer = await house.client.get(f"{one}/1", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert answer.json()["message"] == answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0
        assert [line["reason"] for line in house.lines[2:]] == ["forbidden", "rate_limited"]


async def test_what_does_not_count_as_uppys_is_refused_in_words(house: House) -> None:
    one, key = await house.created()
    asked = {"key": key}
    bad = [
        await house.client.get(PARAMS, params={"type": "image/png"}),
        await house.client.get(PARAMS, params={**PDF, "metadata[contentLength]": "many"}),
        await house.client.get(f"{PARAMS}?filename=%ff&type=image/png"),
        await house.client.get(f"{PARAMS}?filename=a&filename=b&type=image/png"),
        await house.client.post(MULTIPART, json={"type": "image/png"}),
        await house.client.get(f"{one}/0", params=asked),
        await house.client.get(f"{one}/10001", params=asked),
        await house.client.get(f"{one}/one", params=asked),
        await house.client.get(f"{one}/1"),
        await house.client.get(f"{one}/batch", params={**asked, "partNumbers": "1,,2"}),
        await house.client.get(
            f"{one}/batch", params={**asked, "partNumbers": ",".join(["1"] * 101)}
        ),
        await house.client.post(f"{one}/complete", params=asked, json={"parts": []}),
        await house.client.post(f"{one}/complete", params=asked, json={}),
        await house.client.post(
            f"{one}/complete",
            params=asked,
            json={"parts": [{"PartNumber": n, "ETag": "e"} for n in (2, 1)]},
        ),
    ]
    for answer in bad:
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
        assert answer.json()["message"] == answer.json()["detail"]
    answer = await house.client.post(MULTIPART, content=b'{"filename": NaN}')
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


async def test_unless_it_is_configured_there_is_nothing() -> None:
    async with running(settings_with(open_grant())) as client:
        for method, path, body in [("GET", PARAMS, None), ("POST", MULTIPART, PDF), *LATER]:
            answer = await client.request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_store_without_conditional_writes_takes_no_upload_in_parts() -> None:
    """Nothing is promised that it does not keep; forms have keys that nobody else has."""
    bucket = {"region": "eu-west-1", "credentials": "static", "conditional_writes": False}
    grant = open_grant(bucket="old", prefix="uploads/")
    async with a_house(settings({"bucket": "old"}, buckets={"old": bucket}, grants=[grant])) as it:
        refused_ = await it.client.post(MULTIPART, json=PDF)
        assert (refused_.status_code, refused_.json()["code"]) == (422, "create_only_unsupported")
        assert (await it.client.get(PARAMS, params=PDF)).status_code == 200


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ("Your grant allows at most 5 bytes.", b"Your grant allows at most 5 bytes."),
        ("a\r\nset-cookie: b", b"a set-cookie: b"),
        ("grün", b"gr n"),
        ("x" * 1000, b"x" * 300),
    ],
)
def test_a_status_line_holds_what_it_may(detail: str, reason: bytes) -> None:
    assert Refusal(InvalidRequest(detail), "request-1").reason == reason
