"""Multipart uploads as Hugging Face's agent sends them: all URLs at once, no `Authorization`."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.presigning.snapshot import Snapshot
from service.protocols.git_lfs.multipart import COMPLETION_SECONDS
from service.signing.actions import MAX_UPLOAD_BYTES
from tests.protocols.git_lfs.harness import (
    BATCH,
    MIB,
    PARTS,
    PUBLIC_URL,
    THRESHOLD,
    Harness,
    key_of,
    lfs_grant,
    lfs_object,
    parameters,
    settings,
    start,
)
from tests.protocols.links.harness import real_clock
from tests.support.app import app_of
from tests.support.virtual_time import in_virtual_time

LARGE = lfs_object(1, 40 * MIB)
SMALL = lfs_object(2)


async def complete(
    harness: Harness, href: str, *parts: Any, oid: str = LARGE["oid"]
) -> httpx.Response:
    """Complete an upload as the agent does, without `Authorization`."""
    sent = [{"partNumber": each.part_number, "etag": each.etag} for each in parts]
    request = harness.client.build_request(
        "POST",
        href.removeprefix(PUBLIC_URL),
        json={"oid": oid, "parts": sent or [{"partNumber": 1, "etag": '"x"'}]},
    )
    del request.headers["authorization"]
    return await harness.client.send(request)


def put_all(harness: Harness, wanted: dict[str, Any], chunk: int = 16 * MIB) -> list[Any]:
    """Do what the agent does with the URLs of an upload."""
    upload_id = f"upload-{harness.store.created}"
    sizes = [min(chunk, wanted["size"] - at) for at in range(0, wanted["size"], chunk)]
    return [harness.store.put(upload_id, number, size) for number, size in enumerate(sizes, 1)]


async def test_an_upload_is_sent_and_completed(with_parts: Harness) -> None:
    [upload] = await with_parts.upload_in_parts(LARGE)
    header = dict(upload["header"])
    assert header.pop("chunk_size") == str(16 * MIB)
    assert list(header) == ["00001", "00002", "00003"]
    lengths = [parameters(url)["X-Amz-SignedHeaders"] for url in header.values()]
    assert lengths == ["content-length;host"] * 3
    assert [parameters(url)["partNumber"] for url in header.values()] == ["1", "2", "3"]
    answer = await complete(with_parts, upload["href"], *put_all(with_parts, LARGE))
    assert answer.status_code == 200, answer.text
    assert with_parts.store.objects[key_of(LARGE["oid"])][1] == LARGE["size"]
    [stored] = await with_parts.batch("upload", LARGE, transfers=PARTS)
    assert stored == LARGE


async def test_all_objects_of_such_a_batch_are_sent_in_parts(with_parts: Harness) -> None:
    empty = lfs_object(3, 0)
    answer = await with_parts.post("upload", LARGE, SMALL, empty, transfers=PARTS)
    large, small, refused = answer.json()["objects"]
    assert answer.json()["transfer"] == "multipart"
    assert set(small["actions"]["upload"]["header"]) == {"chunk_size", "00001"}
    assert "actions" in large
    assert refused["error"]["code"] == 422


@pytest.mark.parametrize(
    ("operation", "transfers", "size"),
    [
        ("upload", PARTS, THRESHOLD),
        ("upload", ["basic"], THRESHOLD + 1),
        ("download", PARTS, THRESHOLD + 1),
    ],
)
async def test_other_batches_are_basic(
    with_parts: Harness, operation: str, transfers: list[str], size: int
) -> None:
    answer = await with_parts.post(operation, lfs_object(1, size), transfers=transfers)
    assert answer.json()["transfer"] == "basic"


async def test_without_keys_nothing_is_sent_in_parts(harness: Harness) -> None:
    large = lfs_object(1, MAX_UPLOAD_BYTES + 1)
    answer = await harness.post("upload", large, transfers=PARTS)
    [refused] = answer.json()["objects"]
    assert (answer.json()["transfer"], refused["error"]["code"]) == ("basic", 422)
    assert harness.store.created == 0


async def test_a_batch_has_at_most_a_thousand_parts(with_parts: Harness) -> None:
    objects = [lfs_object(number, 100 * 1024 * MIB) for number in range(20)]
    uploads = await with_parts.upload_in_parts(*objects)
    counts = [len(each["header"]) - 1 for each in uploads]
    assert counts == [50] * 20
    assert uploads[0]["header"]["chunk_size"] == str(2 * 1024 * MIB)


async def test_an_upload_needs_a_grant_for_parts(tmp_path: Path) -> None:
    configured = settings(lfs_grant("check", "upload"), keys=tmp_path)
    async with start(configured) as harness:
        answer = await harness.post("upload", LARGE, transfers=PARTS)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_parts_live_as_long_as_the_grant_allows(tmp_path: Path) -> None:
    configured = settings(lfs_grant(max_expires_in=2000), keys=tmp_path)
    async with start(configured) as harness:
        [upload] = await harness.upload_in_parts(LARGE)
    assert upload["expires_in"] == 2000
    assert parameters(upload["header"]["00003"])["X-Amz-Expires"] == "2000"


async def test_parts_that_are_too_few_make_no_object(with_parts: Harness) -> None:
    [upload] = await with_parts.upload_in_parts(LARGE)
    first, *_ = put_all(with_parts, LARGE)
    answer = await complete(with_parts, upload["href"], first)
    assert (answer.status_code, answer.json()["code"]) == (422, "length_mismatch")
    assert with_parts.store.objects == {}


@in_virtual_time
async def test_the_slower_of_two_pushes_leaves_no_parts(tmp_path: Path) -> None:
    async with start(settings(keys=tmp_path), real_clock()) as harness:
        [first], [second] = [await harness.upload_in_parts(LARGE) for _ in range(2)]
        parts = put_all(harness, LARGE)  # of the second upload
        assert (await complete(harness, second["href"], *parts)).status_code == 200
        for part in parts:
            harness.store.put("upload-1", part.part_number, part.content_length)
        answer = await complete(harness, first["href"], *parts)
        assert (answer.status_code, answer.json()["code"]) == (412, "object_exists")
        assert harness.store.uploads == {}


async def test_a_ticket_completes_its_own_object_only(with_parts: Harness) -> None:
    [upload] = await with_parts.upload_in_parts(LARGE)
    parts = put_all(with_parts, LARGE)
    answer = await complete(with_parts, upload["href"], *parts, oid=SMALL["oid"])
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    elsewhere = upload["href"].replace("/lfs/design/", "/lfs/other/")
    assert (await complete(with_parts, elsewhere, *parts)).status_code == 404
    assert with_parts.store.objects == {}


async def test_an_edited_ticket_completes_nothing(with_parts: Harness) -> None:
    [upload] = await with_parts.upload_in_parts(LARGE)
    parts, href = put_all(with_parts, LARGE), upload["href"]
    for edited in (href[:-1], href + "A", href[:-9] + "AAAAAAAA" + href[-1], f"{href}%0AA"):
        answer = await complete(with_parts, edited, *parts)
        assert answer.status_code == 404, edited
        assert answer.json()["message"] == "There is no such upload."
        assert "www-authenticate" not in answer.headers
    assert with_parts.store.objects == {}
    assert [line["reason"] for line in with_parts.audit_lines[-4:]] == ["unauthenticated"] * 4


async def test_a_late_ticket_completes_nothing(tmp_path: Path) -> None:
    clock = real_clock()
    async with start(settings(lfs_grant(max_expires_in=600), keys=tmp_path), clock) as harness:
        [upload] = await harness.upload_in_parts(LARGE)
        parts = put_all(harness, LARGE)
        clock.skew += 600 + COMPLETION_SECONDS + 1
        late = await complete(harness, upload["href"], *parts)
        clock.skew -= 2
        assert (late.status_code, late.json()["code"]) == (404, "upload_not_found")
        assert harness.store.objects == {}
        assert (await complete(harness, upload["href"], *parts)).status_code == 200


def no_callers(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, callers=())


def revoked(snapshot: Snapshot) -> Snapshot:
    """Sessions of the caller that began before some later time are no longer used."""
    later = replace(snapshot.callers[0], revoked_before=time.time() + 60)
    return replace(snapshot, callers=(later,))


@pytest.mark.parametrize(
    ("change", "expected"),
    [(no_callers, (403, "forbidden")), (revoked, (404, "upload_not_found"))],
)
async def test_a_caller_that_lost_its_rights_completes_nothing(
    with_parts: Harness,
    change: Callable[[Snapshot], Snapshot],
    expected: tuple[int, str],
) -> None:
    [upload] = await with_parts.upload_in_parts(LARGE)
    authorizer = app_of(with_parts.client).parts.core.authorizer
    authorizer.snapshot = change(authorizer.snapshot)
    answer = await complete(with_parts, upload["href"], *put_all(with_parts, LARGE))
    assert (answer.status_code, answer.json()["code"]) == expected
    assert with_parts.store.objects == {}


async def test_the_completion_is_at_the_public_address(with_parts: Harness) -> None:
    [upload] = await with_parts.upload_in_parts(LARGE, headers={"Host": "evil.example"})
    assert upload["href"].startswith(f"{PUBLIC_URL}/lfs/design/uploads/")


async def test_no_audit_line_has_a_ticket_or_a_signature(with_parts: Harness) -> None:
    [upload] = await with_parts.upload_in_parts(LARGE)
    await complete(with_parts, upload["href"], *put_all(with_parts, LARGE))
    written = b"".join(with_parts.audit_bytes).decode()
    assert upload["href"].rpartition("/")[2] not in written
    assert "X-Amz-Signature" not in written
    actions = [line.get("action") for line in with_parts.audit_lines]
    assert actions == ["HeadObject", "CreateMultipartUpload", "CompleteMultipartUpload"]
    assert BATCH not in written
