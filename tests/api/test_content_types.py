"""Uploads that name no content type, over HTTP: the key suggests one, and a grant must allow it."""

from typing import Any, Final

import httpx
import pytest

from tests.api.parts import NEW, ROOT, SETTINGS
from tests.api.refusals import refused_at
from tests.multipart.fake_s3 import FakeS3
from tests.support.app import make_app_settings, make_open_grant, run_app

DEFAULT: Final = "application/octet-stream"


def upload(key: str, **more: Any) -> dict[str, Any]:
    return {"bucket": "demo", "key": key, "content_length": 5, **more}


async def signed_type(client: httpx.AsyncClient, key: str, **more: Any) -> str:
    answer = await client.post("/v1/upload-urls", json=upload(key, **more))
    assert answer.status_code == 200, answer.text
    content_type: str = answer.json()["headers"]["content-type"]
    return content_type


@pytest.mark.parametrize(
    ("key", "content_type"),
    [("a/b.PDF", "application/pdf"), ("b", DEFAULT), ("b.html", DEFAULT), ("b.svg", DEFAULT)],
)
async def test_an_upload_gets_the_type_that_its_key_suggests(
    client: httpx.AsyncClient, key: str, content_type: str
) -> None:
    assert await signed_type(client, key) == content_type
    assert await signed_type(client, key, content_type="text/plain") == "text/plain"


async def test_a_suggested_type_must_be_granted() -> None:
    settings = make_app_settings(
        make_open_grant(prefix="images/", content_types=["image/*"]),
        make_open_grant(prefix="any/"),
    )
    async with run_app(settings) as client:
        assert await signed_type(client, "images/a.png") == "image/png"
        assert await signed_type(client, "any/a.pdf") == "application/pdf"
        for key in ("images/canary.pdf", "images/canary.svg", "images/canary"):
            await refused_at(client, "upload-urls", upload(key), "#/content_type")


async def test_another_limit_is_refused_as_with_a_given_type() -> None:
    settings = make_app_settings(make_open_grant(content_types=["image/*"], max_content_length=4))
    async with run_app(settings) as client:
        body = upload("canary.png")
        await refused_at(client, "upload-urls", body, "#/content_length", "limit_exceeded")


async def test_each_upload_of_a_batch_has_its_own_type(client: httpx.AsyncClient) -> None:
    keys = ["a.png", "b.png", "c", "d.pdf", "e.html", "f.png"]
    answer = await client.post(
        "/v1/upload-urls/batch", json={"items": [upload(key) for key in keys]}
    )
    results = answer.json()["results"]
    assert [each["request"]["headers"]["content-type"] for each in results] == [
        *("image/png", "image/png", DEFAULT, "application/pdf", DEFAULT, "image/png")
    ]
    assert [each["key"] for each in results] == keys


async def test_a_multipart_upload_gets_the_type_that_its_key_suggests() -> None:
    store = FakeS3([])
    async with run_app(SETTINGS, store_transport=store) as client:
        for key, more in (("a.mp4", {}), ("a", {}), ("a.mp4", {"content_type": "text/plain"})):
            answer = await client.post(ROOT, json={**NEW, "key": key, **more})
            assert answer.status_code == 201, answer.text
    assert [each.headers["content-type"] for each in store.uploads.values()] == [
        *("video/mp4", DEFAULT, "text/plain")
    ]


async def test_a_suggested_type_of_a_multipart_upload_must_be_granted() -> None:
    store = FakeS3([])
    settings = make_app_settings(make_open_grant(content_types=["image/*"]))
    async with run_app(settings, store_transport=store) as client:
        answer = await client.post(ROOT, json={**NEW, "key": "a.png"})
        assert answer.status_code == 201
        await refused_at(
            client, "multipart-uploads", {**NEW, "key": "canary.mp4"}, "#/content_type"
        )
    assert [each.headers["content-type"] for each in store.uploads.values()] == ["image/png"]
