"""Bodies that are not JSON, do not match the schema, or are too large; and batches."""

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest

from tests.api.refusals import GET, MARK, UPLOAD, pointers, problem, refused, refused_at

MD5: Final = {"algorithm": "MD5", "value": "AAAAAA=="}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"bucket": "demo", "key": "canary", "expires_in": NaN}',
        b'{"bucket": "demo", "key": "canary", "expires_in": -Infinity}',
        b'{"bucket": "demo", "key": "canary", "expires_in": 1e999}',
        b'{"bucket": "demo", "key": "canary\\ud800"}',
        b'{"bucket": "demo", "key": "canary\\udfff\\ud800"}',
        b'{"bucket": "demo", "key": "canary\xed\xa0\x80"}',
        b"[" * 50_000,
        b'{"bucket": "demo", "key": "canary"} trailing',
        b'{"items": [{"bucket": "demo", "key": "canary"}, {"bucket": "demo", "key": NaN}]}',
        b'{"items": [{"bucket": "demo", "key": "canary"}, {"bucket": "demo", "key": 1e999}]}',
        b'{"items": [{"bucket": "demo", "key": "canary"}, {"bucket": "demo", "key": "\\udc00"}]}',
    ],
)
async def test_a_body_that_is_not_json_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    path = "download-urls/batch" if b"items" in body else "download-urls"
    await refused(client, path, body, 400, "invalid_json")


@pytest.mark.parametrize(
    ("coding", "named"), [("gzip", " gzip"), ("ZSTD ", " zstd"), (f"{MARK}", ""), ("", "")]
)
async def test_an_encoded_body_is_refused_by_its_encoding(
    client: httpx.AsyncClient, coding: str, named: str
) -> None:
    headers = {"Content-Encoding": coding, "Content-Length": "1000000000"}
    for path in ("download-urls", "download-urls/batch"):
        answer = await client.post(f"/v1/{path}", content=b"\x1f\x8b", headers=headers)
        seen = problem(answer, 415, "unsupported_media_type")
        assert seen["detail"] == (
            f"Content-Encoding{named} is not supported. Send the body uncompressed."
        )


async def test_the_identity_encoding_is_accepted(client: httpx.AsyncClient) -> None:
    headers = {"Content-Encoding": "identity"}
    assert (await client.post("/v1/download-urls", json=GET, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("download-urls", {"bucket": "demo"}, "#/key"),
        ("download-urls", {**GET, "expires": 60}, "#/expires"),
        ("download-urls", {**GET, "expires_in": "60"}, "#/expires_in"),
        ("download-urls", {**GET, "expires_in": True}, "#/expires_in"),
        ("download-urls", {**GET, "expires_in": 60.0}, "#/expires_in"),
        ("download-urls", {**GET, "expires_in": 0}, "#/expires_in"),
        ("download-urls", {**GET, "expires_in": None}, "#/expires_in"),
        ("download-urls", {**GET, "stable_for": 1, "expires_in": 604_800}, "#/stable_for"),
        ("upload-urls", {**UPLOAD, "stable_for": 60}, "#/stable_for"),
        ("download-urls", [GET], "#"),
        ("upload-urls", {**UPLOAD, "metadata": {"name": 5}}, "#/metadata/name"),
        ("upload-urls", {**UPLOAD, "checksum": MD5}, "#/checksum/algorithm"),
        ("download-urls/batch", {"items": []}, "#/keys"),
        ("download-urls/batch", {"items": [], "keys": []}, "#/keys"),
        ("upload-urls/batch", {"items": []}, "#/items"),
        ("download-urls/batch", {"items": [GET, {"bucket": "demo"}]}, "#/items/1/key"),
        ("download-urls/batch", {"items": [GET] * 1001}, "#/items"),
        ("download-urls", {**GET, f"{MARK}/~ %": 1}, "#"),  # an unknown field's odd name
    ],
    ids=lambda each: str(each)[:60],
)
async def test_a_body_of_another_schema_is_refused_with_its_pointer(
    client: httpx.AsyncClient, path: str, body: Any, pointer: str
) -> None:
    """`tests/contract/test_implementation.py` compares all bounds with the document."""
    await refused_at(client, path, body, pointer)


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("download-urls", {**GET, "expires": 60}, "Unknown field. Did you mean `expires_in`?"),
        ("download-urls", {**GET, "page": 60}, "Unknown field."),
        ("download-urls", {**GET, "expires_in" * 7: 60}, "Unknown field."),  # 70 characters
        (
            "upload-urls",
            {
                **UPLOAD,
                "checksum": {"algoritm": "SHA1", "algorithm": "SHA1", "value": "A" * 27 + "="},
            },
            "Unknown field. Did you mean `algorithm`?",
        ),
        (
            "download-urls/batch",
            {"items": [GET, {**GET, "file_name": "x"}]},
            "Unknown field. Did you mean `filename`?",
        ),
    ],
    ids=["near", "far", "long", "nested", "in a batch"],
)
async def test_an_unknown_field_is_refused_with_the_nearest_one(
    client: httpx.AsyncClient, path: str, body: Any, detail: str
) -> None:
    members = await refused(client, path, body, 422, "invalid_request")
    assert [error["detail"] for error in members["errors"]] == [detail]


async def test_an_unknown_query_parameter_is_refused_with_the_nearest_one(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/v1/multipart-uploads/id/parts?bucket=demo&key=a&buckets=b")
    assert [each["detail"] for each in problem(answer, 422, "invalid_request")["errors"]] == [
        "Unknown field. Did you mean `bucket`?"
    ]


@pytest.mark.parametrize(
    ("path", "size"), [("download-urls", 64 * 1024), ("download-urls/batch", 4 * 1024**2)]
)
async def test_a_body_over_the_limit_is_refused(
    client: httpx.AsyncClient, path: str, size: int
) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(size // 4096 + 1):
            yield b" " * 4096

    await refused(client, path, b" " * (size + 1), 413, "body_too_large")
    await refused(client, path, b" " * size, 400, "invalid_json")
    counted = await client.post(f"/v1/{path}", content=in_pieces())
    assert (counted.status_code, counted.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "body",
    [
        b'{"items": [%s]}' % b",".join([b"{}"] * 60_000),
        b"[%s]" % b",".join([b"0"] * 60_000),
        b"{%s}" % b",".join(b'"%d":0' % i for i in range(60_000)),
    ],
)
async def test_a_body_with_too_many_fields_is_refused_unparsed(
    client: httpx.AsyncClient, body: bytes
) -> None:
    await refused(client, "download-urls/batch", body, 413, "body_too_large")


async def test_too_many_errors_are_not_listed(client: httpx.AsyncClient) -> None:
    body = {**GET, **{f"f{i}": 0 for i in range(5000)}}
    answer = await client.post("/v1/download-urls/batch", json={"items": [body]})
    assert answer.status_code == 422
    assert "errors" not in answer.json()
    few = await client.post("/v1/download-urls", json={**GET, **{f"f{i}": 0 for i in range(50)}})
    assert len(few.json()["errors"]) == 20


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
    assert [each["key"] for each in answer.json()["results"]] == [each["key"] for each in items]
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
