"""Uploads in parts: all URLs at once, sizes that nobody announces."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from service.presigning.snapshot import Snapshot
from service.protocols.mlflow.parts import MAX_PARTS
from tests.multipart.fake_s3 import refuses
from tests.protocols.mlflow.harness import PREFIX, Harness, refused, settings, start
from tests.s3.fake_store import query_of
from tests.support.app import app_of

KEY = f"{PREFIX}1/run/model.pkl"


def put_all(harness: Harness, *sizes: int) -> list[dict[str, Any]]:
    """Do what the client does with the URLs of the last upload. It sends each URL back."""
    upload_id = f"upload-{harness.store.created}"
    put = [harness.store.put(upload_id, number, size) for number, size in enumerate(sizes, 1)]
    url = "https://demo.s3.example/?X-Amz-Signature=00"
    return [{"part_number": each.part_number, "etag": each.etag, "url": url} for each in put]


async def complete(harness: Harness, *sizes: int, **more: Any) -> httpx.Response:
    """Create an upload, put its parts and complete it."""
    created = (await harness.parts("create", num_parts=len(sizes))).json()
    parts = put_all(harness, *sizes)
    sent = {"upload_id": created["upload_id"], "parts": parts, **more}
    return await harness.parts("complete", **sent)


async def test_all_parts_are_signed_at_once(harness: Harness) -> None:
    answer = (await harness.parts("create", num_parts=3)).json()
    assert answer["upload_id"] == "upload-1"
    credentials = answer["credentials"]
    assert [(each["part_number"], each["headers"]) for each in credentials] == [
        (1, {}),
        (2, {}),
        (3, {}),
    ]
    queries = [query_of(httpx.Request("GET", each["url"])) for each in credentials]
    assert [each["partNumber"] for each in queries] == ["1", "2", "3"]
    assert {each["X-Amz-SignedHeaders"] for each in queries} == {"host"}
    assert harness.store.uploads["upload-1"].key == KEY


async def test_an_upload_is_completed(harness: Harness) -> None:
    answer = await complete(harness, 10, 10, 3)
    assert (answer.status_code, answer.json()) == (200, {})
    assert harness.store.objects[KEY][1] == 23


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("model.pkl", "model.pkl"),
        ("out/model.pkl", "model.pkl"),
        (r"C:\Users\me\model.pkl", "model.pkl"),
        (r"C:/Users/me\model.pkl", "model.pkl"),
        (r"\\server\share\model.pkl", "model.pkl"),
        ("/tmp/a b+ü.pkl", "a b+ü.pkl"),
    ],
)
async def test_a_file_keeps_its_name_on_the_clients_machine(
    harness: Harness, path: str, name: str
) -> None:
    assert (await harness.parts("create", path)).status_code == 200
    assert harness.store.uploads["upload-1"].key == f"{PREFIX}1/run/{name}"


@pytest.mark.parametrize(
    "path", ["", "/", "/tmp/..", "..", "C:", r"/tmp/a\b", "/tmp/a#b", "/tmp/e%20f", "/tmp/a\nb"]
)
async def test_a_name_that_mlflow_refuses_is_not_signed(harness: Harness, path: str) -> None:
    answer = await harness.parts("create", path)
    assert refused(answer) == (422, "INVALID_PARAMETER_VALUE")
    assert harness.store.requests == []


async def test_too_many_parts_say_what_to_set(harness: Harness) -> None:
    assert (await harness.parts("create", num_parts=MAX_PARTS)).status_code == 200
    answer = await harness.parts("create", num_parts=MAX_PARTS + 1)
    assert refused(answer) == (422, "INVALID_PARAMETER_VALUE")
    assert "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE" in answer.json()["message"]
    assert harness.store.created == 1


@pytest.mark.parametrize("count", [0, -1, "3", 1.5, None])
async def test_a_count_that_is_none_is_refused(harness: Harness, count: Any) -> None:
    answer = await harness.parts("create", num_parts=count)
    assert refused(answer) == (422, "INVALID_PARAMETER_VALUE")


async def test_without_multipart_the_client_sends_one_request() -> None:
    async with start(settings("upload")) as harness:
        answer = await harness.parts("create", num_parts=3)
    assert refused(answer) == (501, "NOT_IMPLEMENTED")
    text = "Multipart upload is not supported for the current artifact repository"
    assert answer.json()["message"] == text
    assert [line["decision"] for line in harness.audit_lines] == ["denied"]


async def test_a_file_that_is_too_large_is_aborted() -> None:
    async with start(settings(max_content_length=20)) as harness:
        answer = await complete(harness, 10, 11)
        assert refused(answer) == (422, "INVALID_PARAMETER_VALUE")
        assert "21 bytes, more than max_content_length" in answer.json()["message"]
        assert harness.store.objects == {}
        assert harness.store.uploads == {}
        # The client aborts after each failure.
        aborted = await harness.parts("abort", upload_id="upload-1")
        assert (aborted.status_code, aborted.json()) == (200, {})
        assert (await complete(harness, 10, 10)).status_code == 200


async def test_a_file_in_parts_replaces_only_where_granted(harness: Harness) -> None:
    harness.store.objects[KEY] = ('"old"', 1)
    assert (await complete(harness, 10)).status_code == 200
    async with start(settings(allow_overwrite=False)) as strict:
        strict.store.objects[KEY] = ('"old"', 1)
        answer = await complete(strict, 10)
        assert refused(answer) == (412, "RESOURCE_ALREADY_EXISTS")
        assert strict.store.objects[KEY] == ('"old"', 1)


async def test_parts_that_the_store_lacks_are_refused(harness: Harness) -> None:
    parts = [{"part_number": 1, "etag": '"other"', "url": ""}]
    answer = await complete(harness, 10, parts=parts)
    assert refused(answer) == (409, "RESOURCE_CONFLICT")
    assert harness.store.objects == {}


async def test_an_upload_belongs_to_its_own_file(harness: Harness) -> None:
    answer = await complete(harness, 10, path="/tmp/another.pkl")
    assert refused(answer) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert harness.store.objects == {}


@pytest.mark.parametrize("upload_id", ["../../other", "", "a b", "x" * 1025, "\n"])
async def test_an_edited_upload_id_reaches_nothing(harness: Harness, upload_id: str) -> None:
    for call in ("complete", "abort"):
        parts: dict[str, Any] = (
            {"parts": [{"part_number": 1, "etag": '"x"'}]} if call == "complete" else {}
        )
        answer = await harness.parts(call, upload_id=upload_id, **parts)
        if upload_id == "a b":  # it could be a store's: then the store decides
            assert answer.status_code in {200, 404}
        else:
            assert refused(answer)[0] == 422
    assert harness.store.objects == {}


async def test_an_upload_is_aborted(harness: Harness) -> None:
    await harness.parts("create")
    assert (await harness.parts("abort", upload_id="upload-1")).status_code == 200
    assert harness.store.uploads == {}


def no_callers(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, callers=())


async def test_a_caller_that_lost_its_rights_completes_nothing(harness: Harness) -> None:
    change: Callable[[Snapshot], Snapshot] = no_callers
    await harness.parts("create")
    authorizer = app_of(harness.client).parts.core.authorizer
    authorizer.snapshot = change(authorizer.snapshot)
    answer = await harness.parts("complete", upload_id="upload-1", parts=put_all(harness, 10))
    assert refused(answer) == (403, "PERMISSION_DENIED")
    assert harness.store.objects == {}


async def test_parts_live_as_long_as_the_grant_allows() -> None:
    async with start(settings(max_expires_in=2000)) as harness:
        answer = (await harness.parts("create", num_parts=1)).json()
    url = answer["credentials"][0]["url"]
    assert query_of(httpx.Request("GET", url))["X-Amz-Expires"] == "2000"


async def test_a_type_is_taken_from_the_name_where_a_grant_needs_one() -> None:
    async with start(settings(content_types=["image/*"])) as harness:
        assert (await harness.parts("create", "/tmp/plot.png")).status_code == 200
        assert harness.store.uploads["upload-1"].headers["content-type"] == "image/png"
        answer = await harness.parts("create", "/tmp/model.pkl")
    assert refused(answer) == (422, "INVALID_PARAMETER_VALUE")


async def test_a_store_that_refuses_is_reported(harness: Harness) -> None:
    harness.store.faults["create"] = [refuses(403, "AccessDenied")]
    assert refused(await harness.parts("create")) == (502, "INTERNAL_ERROR")
