"""Batches of git-lfs: what is signed for an object that is there, missing or another one."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from service.signing.actions import MAX_UPLOAD_BYTES
from tests.protocols.git_lfs.harness import (
    Harness,
    base64_of,
    key_of,
    lfs_grant,
    lfs_object,
    parameters,
    settings,
    start,
)

FIRST, SECOND = lfs_object(1), lfs_object(2, 7)


async def test_a_stored_object_has_a_download(harness: Harness) -> None:
    harness.store.has(FIRST["oid"])
    [answered] = await harness.batch("download", FIRST)
    action = answered.pop("actions")["download"]
    assert answered == {**FIRST, "authenticated": True}
    assert urlsplit(action["href"]).path == f"/{key_of(FIRST['oid'])}"
    assert parameters(action["href"])["X-Amz-SignedHeaders"] == "host"
    assert action["header"] == {}
    assert action["expires_in"] == 900
    assert action["expires_at"].endswith("Z")


async def test_an_upload_signs_the_oid_and_replaces_nothing(harness: Harness) -> None:
    [answered] = await harness.batch("upload", FIRST)
    action = answered["actions"]["upload"]
    assert action["header"] == {
        "Content-Type": "application/octet-stream",
        "If-None-Match": "*",
        "X-Amz-Checksum-Sha256": base64_of(FIRST["oid"]),
    }
    signed = parameters(action["href"])["X-Amz-SignedHeaders"].split(";")
    sent = [name.lower() for name in action["header"]]
    assert sorted(signed) == sorted([*sent, "content-length", "host"])


async def test_answers_are_in_the_order_of_the_objects(harness: Harness) -> None:
    objects = [lfs_object(number) for number in range(98)]
    for each in objects[::2]:
        harness.store.has(each["oid"])
    answered = await harness.batch("upload", *objects, objects[1])
    assert [each["oid"] for each in answered] == [each["oid"] for each in [*objects, objects[1]]]
    assert ["actions" in each for each in answered] == [False, True] * 49 + [True]
    assert answered[0] == objects[0]


async def test_a_missing_object_does_not_spoil_a_download(harness: Harness) -> None:
    harness.store.has(SECOND["oid"], 7)
    missing, found = await harness.batch("download", FIRST, SECOND)
    assert missing == {
        **FIRST,
        "error": {"code": 404, "message": "The repository does not have this object."},
    }
    assert "actions" in found


@pytest.mark.parametrize("operation", ["download", "upload"])
@pytest.mark.parametrize(
    ("size", "sha256", "error"),
    [
        (6, None, "The stored object has 6 bytes, not 5."),
        (5, base64_of(SECOND["oid"]), "The stored object has another SHA-256 than its oid."),
        (5, base64_of(FIRST["oid"]), None),
        (5, base64_of(SECOND["oid"]) + "-3", None),  # of parts: nothing to compare
    ],
)
async def test_a_stored_object_is_compared_with_the_named_one(
    harness: Harness, operation: str, size: int, sha256: str | None, error: str | None
) -> None:
    harness.store.has(FIRST["oid"], size, sha256)
    [answered] = await harness.batch(operation, FIRST)
    assert answered.get("error") == (None if error is None else {"code": 422, "message": error})
    assert ("actions" in answered) == (error is None and operation == "download")


async def test_an_object_over_5_gib_is_refused_alone(harness: Harness) -> None:
    large = lfs_object(3, MAX_UPLOAD_BYTES + 1)
    largest = lfs_object(4, MAX_UPLOAD_BYTES)
    refused, signed = await harness.batch("upload", large, largest, transfers=["basic"])
    assert refused["error"]["code"] == 422
    assert "hf lfs-enable-largefiles" in refused["error"]["message"]
    assert "actions" in signed


async def test_an_object_over_the_grants_limit_is_refused_alone() -> None:
    async with start(settings(lfs_grant(max_content_length=6))) as harness:
        signed, refused = await harness.batch("upload", FIRST, SECOND)
    assert "actions" in signed
    assert refused["error"] == {"code": 403, "message": "Your grant allows at most 6 bytes."}


async def test_few_objects_are_checked_at_a_time(harness: Harness) -> None:
    harness.store.delays["head"] = 0.001
    objects = [lfs_object(number) for number in range(100)]
    for each in objects:
        harness.store.has(each["oid"])
    await harness.batch("download", *objects)
    assert len(harness.store.heads()) == 100
    assert harness.store.most_in_progress == 8


async def test_a_batch_has_a_line_for_its_checks_and_one_for_its_urls(harness: Harness) -> None:
    harness.store.has(FIRST["oid"])
    await harness.batch("upload", FIRST, SECOND, lfs_object(3))
    keys = [key_of(each["oid"]) for each in (FIRST, SECOND, lfs_object(3))]
    lines: list[dict[str, Any]] = harness.audit_lines
    assert [(each["operation"], each.get("action"), each["keys"]) for each in lines] == [
        ("check", "HeadObject", keys),
        ("upload", None, keys[1:]),
    ]
    assert "expires_in" not in lines[0]


async def test_checks_and_urls_count_against_the_rate() -> None:
    objects = [lfs_object(number) for number in range(3)]
    async with start(settings(rate_limit="6/minute")) as harness:
        assert len(await harness.batch("upload", *objects)) == 3
        refused = await harness.post("upload", *objects)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) > 0
        assert len(harness.store.heads()) == 3
