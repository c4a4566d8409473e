"""Uploads in parts over HTTP: responses and problems."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from service.signing.multipart_actions import UploadedPart
from tests.api.parts import (
    CRC,
    DONE,
    KEY,
    LEAST,
    LENGTH,
    NEW,
    OBJECT,
    ONE,
    ROOT,
    SETTINGS,
    WINDOW,
    E,
)
from tests.api.refusals import problem
from tests.multipart.fake_s3 import FakeS3
from tests.s3.fake_store import query_of
from tests.support.app import run_app


@pytest.fixture(name="store")
def _store() -> FakeS3:
    return FakeS3([])


@pytest.fixture(name="client")
async def _client(store: FakeS3) -> AsyncIterator[httpx.AsyncClient]:
    async with run_app(SETTINGS, store_transport=store) as client:
        yield client


async def created(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post(ROOT, json={**NEW, **more})
    assert answer.status_code == 201, answer.text
    upload: dict[str, Any] = answer.json()
    return upload


def named(*parts: UploadedPart) -> list[dict[str, Any]]:
    return [{"part_number": part.part_number, "etag": part.etag} for part in parts]


async def test_an_upload_is_created_continued_listed_and_completed(
    client: httpx.AsyncClient, store: FakeS3
) -> None:
    upload = await created(client)
    assert upload.keys() == {"upload_id", "part_size", "part_count", "parts", "expires_at"}
    assert upload["upload_id"] == "upload-1"
    assert (upload["part_size"], upload["part_count"]) == (LEAST, 2)
    for number, (part, length) in enumerate(zip(upload["parts"], (LEAST, 5), strict=True), 1):
        url = part.pop("url")
        assert f"partNumber={number}&uploadId=upload-1" in url
        sent_as = {"method": "PUT", "headers": {}}
        assert part == {"part_number": number, "content_length": length, **sent_as}
    more = await client.post(f"{ONE}/part-urls", json=WINDOW)
    assert (more.status_code, more.json().keys()) == (200, {"parts", "expires_at"})
    sent = [store.put("upload-1", number, length) for number, length in ((1, LEAST), (2, 5))]
    listed = await client.get(f"{ONE}/parts", params=OBJECT)
    assert listed.status_code == 200
    assert listed.json()["parts"] == [
        {"part_number": 1, "etag": sent[0].etag, "content_length": LEAST},
        {"part_number": 2, "etag": sent[1].etag, "content_length": 5},
    ]
    body = {**DONE, "content_length": LENGTH, "parts": named(*sent)}
    done = await client.post(f"{ONE}/complete", json=body)
    etag = store.objects[KEY][0]
    whole = {**OBJECT, "etag": etag, "content_length": LENGTH}
    assert (done.status_code, done.json()) == (200, {**whole, "version_id": "v1"})
    again = await client.post(f"{ONE}/complete", json=body)
    assert (again.status_code, again.json()) == (200, whole)


async def test_the_length_may_be_unknown_until_the_completion(
    client: httpx.AsyncClient, store: FakeS3
) -> None:
    most = {**OBJECT, "part_size": LEAST, "max_content_length": 3 * LEAST + 7}
    upload = (await client.post(ROOT, json=most)).json()
    assert (upload["part_size"], upload["part_count"]) == (LEAST, 4)
    assert [part["content_length"] for part in upload["parts"]] == [LEAST, LEAST, LEAST, 7]
    more = await client.post(f"{ONE}/part-urls", json={**most, "part_numbers": [2, 4]})
    assert [part["content_length"] for part in more.json()["parts"]] == [LEAST, 7]
    last = {**OBJECT, "part_size": LEAST, "content_length": LENGTH, "part_numbers": [2]}
    shorter = await client.post(f"{ONE}/part-urls", json=last)
    assert [part["content_length"] for part in shorter.json()["parts"]] == [5]
    sent = [store.put("upload-1", number, length) for number, length in ((1, LEAST), (2, 5))]
    body = {**OBJECT, "max_content_length": 3 * LEAST + 7, "parts": named(*sent)}
    for _ in range(2):
        done = await client.post(f"{ONE}/complete", json=body)
        assert (done.status_code, done.json()["content_length"]) == (200, LENGTH)


async def test_parts_above_the_maximum_are_a_problem(
    client: httpx.AsyncClient, store: FakeS3
) -> None:
    await created(client)
    part = store.put("upload-1", 1, LEAST)
    body = {**OBJECT, "max_content_length": LEAST - 1, "parts": named(part)}
    answer = await client.post(f"{ONE}/complete", json=body)
    [error] = problem(answer, 422, "length_mismatch")["errors"]
    assert error["pointer"] == "#/max_content_length"
    assert store.uploads == {}


async def test_an_abort_has_no_body(client: httpx.AsyncClient, store: FakeS3) -> None:
    await created(client)
    answer = await client.delete(ONE, params=OBJECT)
    assert (answer.status_code, answer.content, store.uploads) == (204, b"", {})
    assert not {"content-type", "content-length"} & set(answer.headers)
    assert answer.headers["cache-control"] == "no-store"
    problem(await client.delete(ONE, params=OBJECT), 404, "upload_not_found")


async def test_the_metadata_of_an_upload_reaches_the_store(
    client: httpx.AsyncClient, store: FakeS3
) -> None:
    await created(
        client,
        content_type="text/plain",
        metadata={"team": "x"},
        tags={"a": "b c"},
        filename="r\u00e9sum\u00e9.txt",
        cache_control="no-store",
        content_encoding="gzip",
        storage_class="STANDARD_IA",
    )
    headers = store.uploads["upload-1"].headers
    sent = {
        name: value for name, value in headers.items() if name.startswith(("x-amz", "cont", "cac"))
    }
    disposition = sent.pop("content-disposition")
    assert disposition.startswith("attachment;")
    assert "r%C3%A9sum%C3%A9.txt" in disposition
    assert sent == {
        "content-type": "text/plain",
        "content-length": "0",
        "content-encoding": "gzip",
        "cache-control": "no-store",
        "x-amz-meta-team": "x",
        "x-amz-tagging": "a=b%20c",
        "x-amz-storage-class": "STANDARD_IA",
    }


async def test_a_part_size_is_chosen_by_default(client: httpx.AsyncClient) -> None:
    answer = await client.post(ROOT, json={**OBJECT, "content_length": 10**12})
    assert answer.json()["part_count"] <= 10_000
    assert len(answer.json()["parts"]) == 16


async def test_checksums_are_signed_listed_and_sent_back(
    client: httpx.AsyncClient, store: FakeS3
) -> None:
    more = {"checksum_algorithm": "CRC32"}
    assert (await created(client, **more))["parts"] == []
    assert "expires_at" not in await created(client, **more)
    [part] = (await created(client, **more, checksums={"2": CRC}))["parts"]
    assert (part["part_number"], part["headers"]) == (2, {"x-amz-checksum-crc32": CRC})
    window = {**WINDOW, **more, "checksums": {"1": CRC, "2": CRC}}
    parts = (await client.post(f"{ONE}/part-urls", json=window)).json()["parts"]
    assert [part["headers"] for part in parts] == [{"x-amz-checksum-crc32": CRC}] * 2
    sent = store.put("upload-1", 1, 5, f"<ChecksumCRC32>{CRC}</ChecksumCRC32>")
    [listed] = (await client.get(f"{ONE}/parts", params=OBJECT)).json()["parts"]
    assert listed["checksum"] == CRC
    body = {
        **DONE,
        **more,
        "parts": [{**named(sent)[0], "checksum": CRC}],
        "checksum": {"algorithm": "CRC32", "value": CRC},
    }
    answer = await client.post(f"{ONE}/complete", json=body)
    assert answer.status_code == 200, answer.text
    assert f"<ChecksumCRC32>{CRC}</ChecksumCRC32>".encode() in store.bodies[-1]


async def test_parts_may_be_given_as_first_part_and_count(client: httpx.AsyncClient) -> None:
    window = {**NEW, "content_length": 9 * LEAST, "first_part": 3, "part_count": 4}
    answer = await client.post(f"{ONE}/part-urls", json=window)
    assert [part["part_number"] for part in answer.json()["parts"]] == [3, 4, 5, 6]


@pytest.mark.parametrize("etag", ["0" * 32, E])
async def test_an_etag_may_come_with_its_quotes_or_without(
    client: httpx.AsyncClient, store: FakeS3, etag: str
) -> None:
    await created(client)
    store.uploads["upload-1"].parts[1] = (E, 5, "")
    answer = await client.post(
        f"{ONE}/complete", json={**DONE, "parts": [{"part_number": 1, "etag": etag}]}
    )
    assert answer.status_code == 200, answer.text


async def test_ten_thousand_parts_are_completed(client: httpx.AsyncClient, store: FakeS3) -> None:
    await created(client)
    sent = [store.put("upload-1", number, 1) for number in range(1, 10_001)]
    parts = [{**part, "checksum": "A" * 43 + "="} for part in named(*sent)]
    body = {**DONE, "content_length": 10_000, "parts": parts, "checksum_algorithm": "SHA256"}
    answer = await client.post(f"{ONE}/complete", json=body)
    assert answer.status_code == 200, answer.text
    assert store.objects[KEY][1] == 10_000


async def test_an_upload_id_is_passed_on_unchanged(
    client: httpx.AsyncClient, store: FakeS3
) -> None:
    problem(await client.get(f"{ROOT}/2~a%2Bb%3D/parts", params=OBJECT), 404, "upload_not_found")
    assert query_of(store.requests[0])["uploadId"] == "2~a+b="
