"""Batches over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.refusals import pointers


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("download-urls", {}),
        ("upload-urls", {"content_length": 1}),
        ("head-urls", {}),
        ("delete-urls", {}),
    ],
)
async def test_a_batch_answers_each_item_in_its_place(
    client: httpx.AsyncClient, path: str, more: dict[str, Any]
) -> None:
    items = [
        {"bucket": "demo", "key": "first", **more},
        {"bucket": "closed", "key": "second", **more},
        {"bucket": "demo", "key": "../third", **more},
        {"bucket": "demo", "key": "fourth", **more},
    ]
    answer = await client.post(f"/v1/{path}/batch", json={"items": items})
    first, second, third, fourth = answer.json()["results"]
    assert (answer.status_code, answer.json()["failed"]) == (200, 2)
    assert "/first?" in first["request"]["url"]
    assert second["problem"]["code"] == "forbidden"
    assert third["problem"]["errors"][0]["pointer"] == "#/items/2/key"
    assert "/fourth?" in fourth["request"]["url"]


async def test_items_with_other_types_are_not_taken_for_equal(client: httpx.AsyncClient) -> None:
    """In Python, True == 1."""
    items = [
        {"bucket": "demo", "key": "a", "content_length": 1, "overwrite": True},
        {"bucket": "demo", "key": "b", "overwrite": 1, "content_length": True},
    ]
    answer = await client.post("/v1/upload-urls/batch", json={"items": items})
    assert sorted(pointers(answer)) == ["#/items/1/content_length", "#/items/1/overwrite"]


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        ([], "#/items/0"),
        ({"bucket": "demo", "key": "a", "content_length": 1, "tags": []}, "#/items/0/tags"),
        ({"bucket": "demo", "key": "a", "content_length": 1, "checksum": 1}, "#/items/0/checksum"),
    ],
    ids=["item", "map", "member"],
)
async def test_errors_speak_of_objects_and_not_of_python(
    client: httpx.AsyncClient, item: object, pointer: str
) -> None:
    """Not of dictionaries, nor of the names of our classes."""
    answer = await client.post("/v1/upload-urls/batch", json={"items": [item]})
    told = {"pointer": pointer, "detail": "Input should be an object."}
    assert (answer.status_code, answer.json()["errors"]) == (422, [told])
