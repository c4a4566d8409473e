"""What MLflow's client gets when it may not do something, or names what it cannot."""

from base64 import b64encode
from typing import Any

import pytest

from tests.protocols.mlflow.harness import (
    API,
    PREFIX,
    RIGHTS,
    Harness,
    refused,
    settings,
    start,
)
from tests.support.app import API_KEY

CLIMBING = (  # httpx would resolve literal dots itself
    "team/%2e%2e/%2e%2e/secret",
    "team/%2E%2E/secret",
    "team/a/%2e%2e/b",
    "team/a%2f..%2f..%2fsecret",
    "team/%2e/a",
    "%2e%2e/team/a",
    "team//a",
    "/team/a",
    "team%2f%2fa",
)
OF_OTHER_SYSTEMS = (
    "team/..%5Csecret",
    "team/a%5Cb",
    r"team/a\b",
    "team/C:/a",
    "team/c%3Aa",
    "team/file:a",
    "team/1/%20FILE%3Aa",
    "team/%252e%252e/a",
    "team/a%2523b",
    "team/a%23b",
    "team/a%3Fb",
    "team/a?b",
    "team/%ff",
    "team/a%00",
    "team/%zz",
)
CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("GET", "/artifacts/", {}),
    ("PUT", "/artifacts/", {"content": b"x"}),
    ("DELETE", "/artifacts/", {}),
    ("GET", "/presigned/", {}),
    ("POST", "/mpu/create/", {"json": {"path": "/tmp/a", "num_parts": 1}}),
    ("POST", "/mpu/abort/", {"json": {"path": "/tmp/a", "upload_id": "upload-1"}}),
)


@pytest.mark.parametrize("path", [*CLIMBING, *OF_OTHER_SYSTEMS])
async def test_no_path_leaves_its_root(harness: Harness, path: str) -> None:
    harness.store.objects["secret"] = ('"etag"', 1)
    for method, below, more in CALLS:
        answer = await harness.send(method, f"{below}{path}", **more)
        assert refused(answer)[0] in {403, 404, 422}, (method, below)
        assert "location" not in answer.headers
    assert harness.store.requests == []


@pytest.mark.parametrize("path", ["../secret", "team/../..", "/team", "team\\..", "", "team/C:"])
async def test_no_listing_leaves_its_root(harness: Harness, path: str) -> None:
    answer = await harness.client.get(f"{API}/artifacts", params={"path": path})
    assert refused(answer)[0] in {403, 404, 422}
    assert harness.store.requests == []


@pytest.mark.parametrize("path", ["team", "team/"])
async def test_a_root_is_no_file(harness: Harness, path: str) -> None:
    for method, below, more in CALLS[:4]:
        answer = await harness.send(method, f"{below}{path}", **more)
        assert refused(answer) == (422, "INVALID_PARAMETER_VALUE")
    assert harness.store.requests == []


async def test_the_api_is_at_its_own_path_only(harness: Harness) -> None:
    answer = await harness.client.get("/api/2.0/mlflow%2Dartifacts/artifacts/team/a")
    assert refused(answer) == (404, "RESOURCE_DOES_NOT_EXIST")


async def test_unknown_and_forbidden_roots_look_the_same(harness: Harness) -> None:
    answers = []
    for root in ("other", "unknown"):
        for method, below, more in CALLS:
            answer = await harness.send(method, f"{below}{root}/a", **more)
            members = {name: each for name, each in answer.json().items() if name != "request_id"}
            answers.append((root, method, below, answer.status_code, members))
    known = [each[1:] for each in answers if each[0] == "other"]
    unknown = [each[1:] for each in answers if each[0] == "unknown"]
    assert known == unknown
    assert {each[2] for each in known} == {403, 501}
    assert {line["decision"] for line in harness.audit_lines} == {"denied"}
    assert harness.store.requests == []


@pytest.mark.parametrize(
    ("missing", "statuses"),
    [
        ("download", {"GET /artifacts/": 403, "GET /presigned/": 403}),
        ("head", {"GET /presigned/": 403}),
        ("list", {"GET /artifacts": 403, "DELETE /artifacts/": 403}),
        ("upload", {"PUT /artifacts/": 403}),
        ("multipart", {"POST /mpu/create/": 501, "POST /mpu/abort/": 403}),
        ("delete", {"DELETE /artifacts/": 403}),
    ],
)
async def test_each_call_needs_its_grant(missing: str, statuses: dict[str, int]) -> None:
    allow = [each for each in RIGHTS if each != missing]
    async with start(settings(*allow)) as harness:
        found = {}
        for method, below, more in CALLS:
            harness.store.has("1/a")
            answer = await harness.send(method, f"{below}team/1/a", **more)
            found[f"{method} {below}"] = answer.status_code
        listing = await harness.client.get(f"{API}/artifacts", params={"path": "team/1"})
        found["GET /artifacts"] = listing.status_code
    expected = {call: statuses.get(call, 200) for call in found}
    for redirected in ("GET /artifacts/", "PUT /artifacts/"):
        expected[redirected] = statuses.get(redirected, 307)
    assert found == expected


async def test_a_grant_for_a_part_of_a_root_opens_only_that() -> None:
    async with start(settings(prefix=f"{PREFIX}1/")) as harness:
        harness.store.has("1/a", "2/a")
        assert await harness.names("team/1") == ["a"]
        answer = await harness.client.get(f"{API}/artifacts", params={"path": "team"})
        assert refused(answer) == (403, "PERMISSION_DENIED")
        assert refused(await harness.send("GET", "/presigned/team/2/a"))[0] == 403
        assert refused(await harness.send("DELETE", "/artifacts/team/2"))[0] == 403


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
async def test_basic_and_bearer_are_accepted(harness: Harness, scheme: str) -> None:
    sent = API_KEY if scheme == "Bearer" else b64encode(f"anyone:{API_KEY}".encode()).decode()
    headers = {"Authorization": f"{scheme} {sent}"}
    assert (await harness.send("GET", "/artifacts/team/1/a", headers=headers)).status_code == 307


async def test_a_401_names_both_schemes(harness: Harness) -> None:
    answer = await harness.client.get(
        "/api/3.0/mlflow/server-info", headers={"Authorization": "Basic eDp3cm9uZw=="}
    )
    assert refused(answer) == (401, "UNAUTHENTICATED")
    assert answer.headers.get_list("www-authenticate") == ['Basic realm="presign"', "Bearer"]


async def test_a_file_over_the_grants_limit_is_refused() -> None:
    async with start(settings(max_content_length=3)) as harness:
        answer = await harness.send("PUT", "/artifacts/team/1/a", content=b"four")
    assert refused(answer) == (413, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"path": 1}', b'{"path": "/a", "num_parts": true}']
)
async def test_a_body_that_is_not_mlflows_is_refused(harness: Harness, body: bytes) -> None:
    """The client reads a refusal of this call as a JSON object, and fails with any other."""
    answer = await harness.send("POST", "/mpu/create/team/1", content=body)
    assert refused(answer)[1] == "INVALID_PARAMETER_VALUE"


async def test_unknown_fields_are_ignored(harness: Harness) -> None:
    more: dict[str, Any] = {"num_parts": 1, "workspace": "default", "later": {}}
    assert (await harness.parts("create", **more)).status_code == 200


async def test_no_refusal_has_the_key_or_what_was_sent(harness: Harness) -> None:
    headers = {"Authorization": "Bearer canary-token"}
    for answer in (
        await harness.send("GET", "/artifacts/team/1/canary", headers=headers),
        await harness.send("GET", "/artifacts/canary-root/a"),
        await harness.send("GET", "/presigned/team/canary"),
        await harness.parts("create", "/tmp/canary\\name"),
        await harness.parts("complete", upload_id="canary/id", parts=[]),
    ):
        assert answer.is_redirect or answer.is_error
        assert "canary" not in answer.text
        assert API_KEY not in answer.text
