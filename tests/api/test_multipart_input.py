"""Invalid requests for uploads in parts are refused with a pointer, without a call to the store.

`tests/contract/test_implementation.py` compares the bounds of each field with the document.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest

from tests.api.parts import CRC, DONE, NEW, OBJECT, ONE, ROOT, SETTINGS, WINDOW, E
from tests.api.refusals import MARK, pointers
from tests.multipart.fake_s3 import FakeS3
from tests.support.app import run_app

FIRST: Final = {name: value for name, value in WINDOW.items() if name != "part_numbers"}
CHECKED: Final = [{"part_number": 1, "etag": E, "checksum": CRC}]
MOST: Final = 10_000 * 5 * 1024**3


@pytest.fixture(name="client")
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    store = FakeS3([])
    async with run_app(SETTINGS, store_transport=store) as it:
        yield it
    assert store.requests == []


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"surprise": 1}, "#/surprise"),
        ({"content_length": 0}, "#/content_length"),
        ({"content_length": MOST}, "#/part_size"),
        ({"key": f"{MARK}/../b"}, "#/key"),
        ({"content_type": f"{MARK}\r\nx: y"}, "#/content_type"),
        ({"metadata": {"a": f"{MARK}\n"}}, "#/metadata/a"),
        ({"metadata": {"snowball-auto-extract": "true"}}, "#/metadata"),
        ({"metadata": {"minio-snowball-prefix": "b/"}}, "#/metadata"),
        ({"tags": {str(n): "" for n in range(11)}}, "#/tags"),
        ({"storage_class": " "}, "#/storage_class"),
        ({"expires_in": 5, "min_expires_in": 6}, "#/min_expires_in"),
        ({"checksums": {"1": CRC}}, "#/checksum_algorithm"),
    ],
    ids=str,
)
async def test_an_invalid_upload_is_not_created(
    client: httpx.AsyncClient, changes: dict[str, Any], at: str
) -> None:
    assert pointers(await client.post(ROOT, json={**NEW, **changes})) == [at]


@pytest.mark.parametrize(
    ("path", "body"),
    [(ROOT, NEW), (f"{ONE}/part-urls", WINDOW), (f"{ONE}/complete", DONE)],
    ids=["create", "sign", "complete"],
)
async def test_either_the_length_or_its_maximum_is_given(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    neither = {name: value for name, value in body.items() if name != "content_length"}
    assert pointers(await client.post(path, json=neither)) == ["#/content_length"]
    both = {**body, "max_content_length": 5}
    assert pointers(await client.post(path, json=both)) == ["#/content_length"]
    none = {**neither, "max_content_length": 0}
    assert pointers(await client.post(path, json=none)) == ["#/max_content_length"]


@pytest.mark.parametrize(
    ("checksums", "at"),
    [
        *(({number: CRC}, "#/checksums") for number in ("3", "0", "one", "-1", " 1", "\u0661", "")),
        ({"1": "AAAAAQ==", "01": CRC}, "#/checksums"),
        *(({"9" * digits: CRC}, "#/checksums") for digits in (4000, 5000)),
        ({"9" * 4000: MARK}, "#/checksums"),
        ({"1": MARK}, "#/checksums/1"),
        ({"1": f"{CRC}\n"}, "#/checksums/1"),
    ],
    ids=lambda value: str(value)[:24],
)
@pytest.mark.parametrize("path", [ROOT, f"{ONE}/part-urls"])
async def test_checksums_must_belong_to_parts(
    client: httpx.AsyncClient, path: str, checksums: dict[str, str], at: str
) -> None:
    body = {**(NEW if path == ROOT else WINDOW), "checksum_algorithm": "CRC32"}
    assert pointers(await client.post(path, json={**body, "checksums": checksums})) == [at]


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({**WINDOW, "first_part": 1}, "#/part_numbers"),
        ({**WINDOW, "part_count": 1}, "#/part_numbers"),
        ({**WINDOW, "first_part": 1, "part_count": 1}, "#/part_numbers"),
        (FIRST, "#/part_numbers"),
        ({**FIRST, "first_part": 1}, "#/part_numbers"),
        ({**FIRST, "part_count": 1}, "#/part_numbers"),
        ({**WINDOW, "part_numbers": [3]}, "#/part_numbers"),
        ({**WINDOW, "part_numbers": [1, 1]}, "#/part_numbers"),
        ({**WINDOW, "part_numbers": [0]}, "#/part_numbers/0"),
        ({**WINDOW, "checksum_algorithm": "CRC32"}, "#/checksums"),
        ({**WINDOW, "checksum_algorithm": "CRC32", "checksums": {"1": CRC}}, "#/checksums"),
    ],
)
async def test_an_invalid_part_window_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any], at: str
) -> None:
    assert pointers(await client.post(f"{ONE}/part-urls", json=body)) == [at]


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"parts": [{"part_number": 1}]}, "#/parts/0/etag"),
        ({"parts": [{"part_number": 1, "etag": f"{MARK} x"}]}, "#/parts/0/etag"),
        ({"parts": [{"part_number": 1, "etag": f"{E}\n"}]}, "#/parts/0/etag"),
        ({"parts": [{"part_number": n, "etag": E} for n in (2, 1)]}, "#/parts/1/part_number"),
        ({"parts": CHECKED}, "#/checksum_algorithm"),
        ({"parts": CHECKED, "checksum_algorithm": "SHA1"}, "#/parts/0/checksum"),
        ({"checksum": {"algorithm": "SHA1", "value": "A" * 27 + "="}}, "#/checksum/algorithm"),
        ({"checksum": {"algorithm": "CRC32", "value": "A" * 27 + "="}}, "#/checksum/value"),
        ({"content_length": 0}, "#/content_length"),
        ({"parts": [{"part_number": 1, "etag": E}] * 10_001}, "#/parts"),
    ],
    ids=lambda each: str(each)[:60],
)
async def test_an_invalid_completion_is_refused(
    client: httpx.AsyncClient, changes: dict[str, Any], at: str
) -> None:
    assert pointers(await client.post(f"{ONE}/complete", json={**DONE, **changes})) == [at]


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("", ["#/bucket", "#/key"]),
        ("bucket=demo", ["#/key"]),
        ("bucket=demo&key=", ["#/key"]),
        ("bucket=&key=a", ["#/bucket"]),
        ("bucket=demo&key=a&upload_id=b", ["#/upload_id"]),
        (f"bucket=demo&key=a&{MARK}%20b={MARK}", ["#"]),
        (f"bucket=demo&key={MARK}&key={MARK}", []),
        ("bucket=demo&bucket=demo&key=a", []),
        (f"bucket=demo&key={MARK}%00", ["#/key"]),
        (f"bucket=demo&key=..%2F{MARK}", ["#/key"]),
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_query_is_as_strict_as_a_body(
    client: httpx.AsyncClient, method: str, query: str, at: list[str]
) -> None:
    path = f"{ONE}/parts" if method == "GET" else ONE
    assert pointers(await client.request(method, f"{path}?{query}")) == at


@pytest.mark.parametrize(
    "upload_id", ["%0Ax", f"{MARK}%0D%0Ax", "%00", "%C3%A9", "%20a", "x" * 1025]
)
async def test_an_invalid_upload_id_is_refused(client: httpx.AsyncClient, upload_id: str) -> None:
    for answer in (
        await client.get(f"{ROOT}/{upload_id}/parts", params=OBJECT),
        await client.delete(f"{ROOT}/{upload_id}", params=OBJECT),
        await client.post(f"{ROOT}/{upload_id}/part-urls", json=WINDOW),
        await client.post(f"{ROOT}/{upload_id}/complete", json=DONE),
    ):
        assert pointers(answer) == ["#/upload_id"]
