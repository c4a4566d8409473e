"""What the gateway does for every request, whichever way its route is found."""

from typing import Any, Final

import httpx
import pytest

from service.api.gateway import Gateway
from service.api.limits import ConcurrencyLimiter
from service.api.route import ApiRoute, AuthenticatedRequest
from service.errors import Overloaded
from tests.support.app import app_of

ITEM: Final = {"bucket": "demo", "key": "a"}
PART_URLS: Final = "/v1/multipart-uploads/an-upload/part-urls"  # a path with a parameter
URLS: Final = "/v1/download-urls"
PATHS: Final = [URLS, PART_URLS]


def limiter_of(client: httpx.AsyncClient) -> ConcurrencyLimiter:
    limiter: ConcurrencyLimiter = app_of(client).parts.limits.requests
    return limiter


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        *(("POST", path, ITEM) for path in (URLS, PART_URLS, "/v1/unknown", "/livez")),
        *(("GET", path, None) for path in (URLS, "/livez", "/openapi.json")),
        ("POST", URLS, {}),
    ],
)
async def test_every_response_has_the_request_id_and_the_fixed_headers(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    answer = await client.request(method, path, json=body, headers={"X-Request-ID": "mine"})
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_first_of_two_request_ids_counts(client: httpx.AsyncClient) -> None:
    ids = [("X-Request-ID", "one"), ("X-Request-ID", "two")]
    answer = await client.post(URLS, json=ITEM, headers=ids)
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, "one")


@pytest.mark.parametrize("path", PATHS)
async def test_a_full_service_refuses_until_a_place_is_free(
    client: httpx.AsyncClient, path: str
) -> None:
    limiter = limiter_of(client)
    limiter._free = 0
    answer = await client.post(path, json=ITEM)
    assert (answer.status_code, answer.json()["code"]) == (503, Overloaded.code)
    assert answer.headers["retry-after"] == "1"
    assert (await client.get("/livez")).status_code == 200
    limiter._free = 1
    for _ in range(2):
        assert (await client.post(path, json=ITEM)).status_code != 503


async def test_one_caller_may_not_hold_more_places_than_are_free(client: httpx.AsyncClient) -> None:
    limiter = limiter_of(client)
    limiter._free, caller_id = 3, (None, "tester")
    for _ in range(2):
        limiter.acquire(caller_id)
    answer = await client.post(URLS, json=ITEM)
    assert (answer.status_code, answer.json()["code"]) == (503, Overloaded.code)
    assert answer.json()["detail"] == "You have too many requests in progress."
    limiter.release(caller_id)
    assert (await client.post(URLS, json=ITEM)).status_code == 200
    assert (limiter._free, limiter._held) == (2, {caller_id: 1})


@pytest.mark.parametrize("path", PATHS)
async def test_a_place_is_held_until_the_answer_is_sent(
    client: httpx.AsyncClient, path: str
) -> None:
    limiter, seen = limiter_of(client), list[int]()
    free, app = limiter._free, app_of(client)

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def look_and_send(message: Any) -> None:
            seen.append(limiter._free)
            await send(message)

        await app(scope, receive, look_and_send)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(watched), base_url="http://presign"
    ) as watching:
        answer = await watching.post(path, json=ITEM, headers={"Authorization": "Bearer nobody"})
    assert answer.status_code == 401
    assert (set(seen), limiter._free) == ({free - 1}, free)


@pytest.mark.parametrize(
    ("path", "route"), [(URLS, URLS), (PART_URLS, "/v1/multipart-uploads/{upload_id}/part-urls")]
)
async def test_an_answer_is_measured_under_its_route(
    client: httpx.AsyncClient, path: str, route: str
) -> None:
    for status, named in ((422, route), (503, "none")):  # without a place, the route is unknown
        limiter_of(client)._free = int(named == route)
        assert (await client.post(path, json={})).status_code == status
        line = f'seconds_count{{method="POST",route="{named}",status="{status}"}} 1.0'
        assert line in (await client.get("/metrics")).text


async def test_an_unexpected_error_is_answered_and_logged_once(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise RuntimeError("broken")

    app_of(client).add_api_route("/broken", broken)
    answer = await client.get("/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"request {answer.json()['request_id']} failed"
    ]


async def test_a_batch_answers_each_item_as_a_single_call(client: httpx.AsyncClient) -> None:
    item = {**ITEM, "content_length": 5, "metadata": {"a": "b"}, "filename": "c"}
    single = (await client.post("/v1/upload-urls", json=item)).json()
    alike = (await client.post("/v1/upload-urls/batch", json={"items": [item] * 3})).json()
    for result in alike["results"]:
        assert result["request"].keys() == single.keys()
        assert result["request"]["headers"] == single["headers"]
        assert result["request"]["content_length"] == 5


async def test_a_content_length_of_thousands_of_digits_is_refused(
    client: httpx.AsyncClient,
) -> None:
    for length in ("0" * 5000 + "27", "9" * 5000):
        headers = {"Content-Length": length}
        answer = await client.post("/v1/download-urls", content=b"{}", headers=headers)
        assert answer.status_code in {413, 422}


async def test_a_handler_gets_each_parameter_of_its_path(client: httpx.AsyncClient) -> None:
    async def rest(call: AuthenticatedRequest, path: str) -> bytes:
        return path.encode()

    async def named(call: AuthenticatedRequest, name: str, path: str) -> bytes:
        return f"{name} {path}".encode()

    app = app_of(client)
    routes = [ApiRoute("/rest/{path:path}", rest), ApiRoute("/named/{name}/{path:path}", named)]
    app.gateway = Gateway(app, routes)
    assert (await client.get("/rest/a/b")).text == "a/b"
    assert (await client.get("/named/a/b/c")).text == "a b/c"


async def test_a_full_service_answers_only_health_checks_and_metrics(
    client: httpx.AsyncClient,
) -> None:
    limiter_of(client)._free = 0
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await client.get(path)).status_code == 200
    for path in ("/v1/unknown", "/uppy/s3/params", "/console", "/another"):
        assert (await client.get(path)).status_code == 503


@pytest.mark.parametrize("credential", ["Bearer nobody", None])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", URLS), ("POST", PART_URLS), ("GET", "/v1/caller"), ("GET", "/metrics")],
)
async def test_a_path_with_a_newline_at_its_end_is_unknown(
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    credential: str | None,
) -> None:
    """Starlette's patterns match it."""
    headers = {} if credential is None else {"Authorization": credential}
    answer = await client.request(method, f"{path}%0A", json=ITEM, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not caplog.records
