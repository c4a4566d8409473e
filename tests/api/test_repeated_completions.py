"""A completion that is repeated over HTTP, while the store is out of reach for a moment."""

import httpx

from tests.api.conftest import running
from tests.api.parts import DONE, KEY, NEW, ONE, ROOT, SETTINGS, problem
from tests.multipart.fake_s3 import FakeS3, loses_answer, loses_request


async def completed(client: httpx.AsyncClient, store: FakeS3) -> dict[str, object]:
    """Creates an upload, sends its part, and returns the body that completes it."""
    assert (await client.post(ROOT, json=NEW)).status_code == 201
    part = store.put("upload-1", 1, 5)
    return {**DONE, "parts": [{"part_number": 1, "etag": part.etag}]}


async def test_a_repeated_completion_is_504_while_the_store_is_away() -> None:
    store = FakeS3([])
    async with running(SETTINGS, store_transport=store) as client:
        body = await completed(client, store)
        first = await client.post(f"{ONE}/complete", json=body)
        assert first.status_code == 200, first.text
        store.faults["objects"] = [loses_request] * 3
        away = await client.post(f"{ONE}/complete", json=body)
        problem(away, 504, "storage_unavailable")
        again = await client.post(f"{ONE}/complete", json=body)
        assert (again.status_code, again.json()["etag"]) == (200, store.objects[KEY][0])


async def test_a_completion_whose_answer_was_lost_is_504_while_the_store_is_away() -> None:
    store = FakeS3([])
    async with running(SETTINGS, store_transport=store) as client:
        body = await completed(client, store)
        store.faults["complete"] = [loses_answer]
        store.faults["objects"] = [loses_request] * 3
        away = await client.post(f"{ONE}/complete", json=body)
        problem(away, 504, "storage_unavailable")
        again = await client.post(f"{ONE}/complete", json=body)
        assert (again.status_code, again.json()["etag"]) == (200, store.objects[KEY][0])
