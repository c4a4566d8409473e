"""What is refused, in the form of the LFS API: git-lfs shows the message to its user."""

import asyncio
import time
from base64 import b64encode
from typing import Any

import httpx
import pytest

from tests.multipart.fake_s3 import refuses
from tests.protocols.git_lfs.harness import (
    BATCH,
    MEDIA_TYPE,
    Harness,
    base64_of,
    lfs_grant,
    lfs_object,
    settings,
    start,
)
from tests.support.app import API_KEY
from tests.support.virtual_time import CLOCK_START, FakeClock, in_virtual_time

FIRST = lfs_object(1)
UPLOAD = {"operation": "upload", "objects": [FIRST]}


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of a refusal, once its form is checked."""
    assert answer.headers["content-type"] == MEDIA_TYPE
    body = answer.json()
    assert set(body) == {"message", "code", "request_id"}
    assert body["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, body["code"]


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (UPLOAD | {"objects": [FIRST | {"oid": "abc"}]}, 422, "#/objects/0/oid"),
        (UPLOAD | {"objects": [FIRST | {"oid": FIRST["oid"].upper()}]}, 422, "#/objects/0/oid"),
        (UPLOAD | {"objects": [FIRST | {"oid": f"../{FIRST['oid'][3:]}"}]}, 422, "oid"),
        (UPLOAD | {"objects": [FIRST | {"oid": f"{FIRST['oid']}\n"}]}, 422, "oid"),
        (UPLOAD | {"objects": [FIRST | {"size": -1}]}, 422, "#/objects/0/size"),
        (UPLOAD | {"objects": [FIRST | {"size": True}]}, 422, "#/objects/0/size"),
        (UPLOAD | {"objects": [FIRST | {"size": "5"}]}, 422, "#/objects/0/size"),
        (UPLOAD | {"objects": [FIRST | {"size": 10**15}]}, 422, "#/objects/0/size"),
        (UPLOAD | {"objects": [{"oid": FIRST["oid"]}]}, 422, "#/objects/0/size"),
        (UPLOAD | {"objects": []}, 422, "#/objects"),
        (UPLOAD | {"operation": "delete"}, 422, "#/operation"),
        (UPLOAD | {"hash_algo": "sha512"}, 422, "#/hash_algo"),
        (UPLOAD | {"transfers": ["tus", "ssh"]}, 422, "`basic`"),
        (UPLOAD | {"transfers": []}, 422, "`basic`"),
        (UPLOAD | {"objects": [lfs_object(n) for n in range(101)]}, 413, "lfs.transfer.batchSize"),
        (UPLOAD | {"objects": [lfs_object(n) for n in range(1000)]}, 413, "65536"),
    ],
)
async def test_a_bad_batch_is_refused_as_a_whole(
    harness: Harness, body: dict[str, Any], status: int, named: str
) -> None:
    answer = await harness.client.post(BATCH, json=body)
    assert refused(answer)[0] == status
    assert named in answer.json()["message"]
    assert harness.store.requests == []


async def test_a_body_that_is_not_json_is_refused(harness: Harness) -> None:
    assert refused(await harness.client.post(BATCH, content=b"{")) == (400, "invalid_json")


async def test_unknown_fields_and_transfers_are_ignored(harness: Harness) -> None:
    more = {"ref": {"name": "refs/heads/main"}, "transfers": ["ssh", "basic", "tus"], "new": 1}
    [answered] = await harness.batch("upload", FIRST | {"more": 1}, hash_algo="sha256", **more)
    assert "upload" in answered["actions"]


@pytest.mark.parametrize("name", ["unknown", "other"])
async def test_unknown_and_forbidden_repositories_look_the_same(
    harness: Harness, name: str
) -> None:
    answer = await harness.post("download", FIRST, path=f"/lfs/{name}/objects/batch")
    assert refused(answer) == (403, "forbidden")
    assert answer.json()["message"] == (
        "There is no such repository, or you have no grant for this operation on it."
    )
    assert [line["decision"] for line in harness.audit_lines] == ["denied"]
    assert harness.store.requests == []


@pytest.mark.parametrize(
    "path",
    [
        "/lfs/%2e%2e/objects/batch",
        "/lfs/design%2f..%2fother/objects/batch",
        "/lfs/../lfs/other/objects/batch",
        f"/lfs/{'x' * 64}/objects/batch",
        "/lfs/d%C3%A9sign/objects/batch",
        "/lfs//objects/batch",
    ],
)
async def test_no_path_reaches_another_repository(harness: Harness, path: str) -> None:
    url = httpx.URL("http://presign", raw_path=path.encode())
    answer = await harness.client.post(url, json=UPLOAD)
    assert answer.status_code in {403, 404}
    assert harness.store.requests == []


@pytest.mark.parametrize(
    ("allow", "operation", "statuses"),
    [
        (["check", "download"], "download", 200),
        (["check", "download"], "upload", 403),
        (["check", "upload"], "upload", 200),
        (["check", "upload"], "download", 403),
        (["upload", "download"], "upload", 403),
    ],
)
async def test_reading_and_writing_need_their_grants(
    allow: list[str], operation: str, statuses: int
) -> None:
    async with start(settings(lfs_grant(*allow))) as harness:
        if operation == "download":
            harness.store.has(FIRST["oid"])
        answer = await harness.post(operation, FIRST)
    assert answer.status_code == statuses


async def test_a_grant_for_a_part_of_a_repository_does_not_open_it() -> None:
    async with start(settings(lfs_grant(prefix=f"lfs/design/{FIRST['oid'][:2]}/"))) as harness:
        assert refused(await harness.post("download", FIRST)) == (403, "forbidden")


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
async def test_basic_and_bearer_are_accepted(harness: Harness, scheme: str) -> None:
    sent = API_KEY if scheme == "Bearer" else b64encode(f"anyone:{API_KEY}".encode()).decode()
    headers = {"Authorization": f"{scheme} {sent}"}
    assert (await harness.post("upload", FIRST, headers=headers)).status_code == 200


async def test_a_401_asks_git_for_a_password(harness: Harness) -> None:
    answer = await harness.post("upload", FIRST, headers={"Authorization": "Basic eDp3cm9uZw=="})
    assert refused(answer) == (401, "unauthenticated")
    assert answer.headers["lfs-authenticate"] == 'Basic realm="presign"'
    assert answer.headers.get_list("www-authenticate") == ['Basic realm="presign"', "Bearer"]


async def test_a_store_that_fails_refuses_the_batch(harness: Harness) -> None:
    harness.store.faults["head"] = [refuses(400, "Odd")] * 100
    harness.store.faults["objects"] = [refuses(403, "AccessDenied")] * 100
    answer = await harness.post("upload", *[lfs_object(number) for number in range(100)])
    assert refused(answer) == (502, "storage_refused")
    assert len(harness.store.heads()) <= 16, "the first error must end the others"


@in_virtual_time
async def test_a_store_that_is_slow_ends_the_batch_after_a_minute() -> None:
    clock = FakeClock(skew=time.time() - CLOCK_START)
    loop = asyncio.get_running_loop()
    async with start(clock=clock) as harness:
        harness.store.delays["head"] = 4.9  # of the 5 s that one attempt may take
        began = loop.time()
        answer = await harness.post("upload", *[lfs_object(number) for number in range(100)])
    assert refused(answer) == (504, "storage_unavailable")
    assert 60 <= loop.time() - began < 61


async def test_a_store_without_conditional_writes_gets_no_upload() -> None:
    bucket = {"region": "eu-west-1", "credentials": "static", "conditional_writes": False}
    repositories = {"design": {"bucket": "old", "prefix": "lfs/design/"}}
    configured = settings(
        lfs_grant(bucket="old"),
        buckets={"old": bucket},
        git_lfs={"repositories": repositories},
    )
    async with start(configured) as harness:
        answer = await harness.post("upload", FIRST)
    assert refused(answer) == (422, "create_only_unsupported")


@pytest.mark.parametrize(
    ("size", "sha256", "expected"),
    [
        (5, base64_of(FIRST["oid"]), (200, None)),
        (6, None, (422, "length_mismatch")),
        (5, base64_of(lfs_object(2)["oid"]), (422, "checksum_mismatch")),
        (None, None, (404, "not_found")),
    ],
)
async def test_verify_says_whether_the_object_is_there(
    harness: Harness, size: int | None, sha256: str | None, expected: tuple[int, str | None]
) -> None:
    if size is not None:
        harness.store.has(FIRST["oid"], size, sha256)
    answer = await harness.client.post("/lfs/design/verify", json=FIRST)
    assert (answer.status_code, answer.json().get("code")) == expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "locks/verify"),
        ("POST", "locks"),
        ("GET", "locks"),
        ("GET", "locks?path=a.psd&limit=1"),
        ("POST", "locks/some-id/unlock"),
    ],
)
async def test_there_are_no_locks(harness: Harness, method: str, path: str) -> None:
    body = None if method == "GET" else {"ref": {"name": "x"}}
    answer = await harness.client.request(method, f"/lfs/design/{path}", json=body)
    assert refused(answer) == (404, "not_found")
    assert answer.json()["message"] == "This server has no locks."


async def test_no_refusal_has_the_key_or_what_was_sent(harness: Harness) -> None:
    body = UPLOAD | {"operation": "canary-operation", "transfers": ["canary-transfer"]}
    headers = {"Authorization": "Bearer canary-token"}
    for answer in (
        await harness.client.post(BATCH, json=body),
        await harness.client.post(BATCH, json=body, headers=headers),
        await harness.client.post("/lfs/canary-name/objects/batch", json=UPLOAD),
    ):
        assert answer.is_error
        assert "canary" not in answer.text
        assert API_KEY not in answer.text
