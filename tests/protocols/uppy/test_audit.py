"""What Uppy's requests leave behind: a line of the audit trail each, counts, and no secret."""

from io import StringIO
from typing import Any

import pytest

from tests.api.conftest import API_KEY, SECRET, TOKEN
from tests.api.sentinels import logging_as_served
from tests.protocols.uppy.harness import LEAST, PARAMS, PDF, PREFIX, House
from tests.support.scrapes import samples


async def everything(house: House) -> list[str]:
    """An upload in each way, and what was answered."""
    client, store, told = house.client, house.store, []
    told.append((await client.get(PARAMS, params=PDF)).text)
    one, key = await house.created()
    asked = {"key": key}
    told.append((await client.get(f"{one}/1", params=asked)).text)
    part = store.put("upload-1", 1, LEAST)
    told.append((await client.get(one, params=asked)).text)
    signing: list[dict[str, Any]] = [
        {"method": "PUT", "key": "a", "contentType": "image/png"},
        {"method": "POST", "key": "a", "contentType": "image/png"},
        {"method": "GET", "key": key, "uploadId": "upload-1"},
        {"method": "POST", "key": key, "uploadId": "upload-1"},
    ]
    told += [(await house.sign_raw(**each)).text for each in signing]
    parts = {"parts": [{"PartNumber": 1, "ETag": part.etag}]}
    told.append((await client.post(f"{one}/complete", params=asked, json=parts)).text)
    told.append((await client.delete(one, params=asked)).text)
    return told


async def test_each_request_leaves_its_lines(house: House) -> None:
    await everything(house)
    assert [
        (line["operation"], line.get("action"), line.get("expires_in")) for line in house.lines
    ] == [
        ("form", None, 600),
        ("multipart", "CreateMultipartUpload", None),
        ("multipart", "UploadPart", 600),
        ("multipart", "ListParts", None),
        ("form", None, 600),
        ("multipart", "CreateMultipartUpload", 600),
        ("multipart", "ListParts", 600),
        ("multipart", "ListParts", None),
        ("multipart", "CompleteMultipartUpload", 600),
        ("multipart", "ListParts", None),
        ("multipart", "CompleteMultipartUpload", None),
        ("multipart", "AbortMultipartUpload", None),
    ]
    for line in house.lines:
        assert (line["subject"], line["bucket"], line["decision"]) == ("tester", "demo", "allowed")
        assert line["keys"][0].startswith(PREFIX)


async def test_a_line_has_the_id_of_its_reply(house: House) -> None:
    answer = await house.client.get(PARAMS, params=PDF)
    assert house.lines[0]["request_id"] == answer.headers["x-request-id"]


async def test_requests_are_counted_by_the_routes_own_path(house: House) -> None:
    await everything(house)
    counted = {dict(labels).get("route") for _, labels in await samples(house.client)}
    assert {"/uppy/s3/params", "/uppy/s3/multipart/{upload_id}/{part_number}"} <= counted


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
async def test_nothing_secret_is_logged_or_written_down(house: House, level: str) -> None:
    log = StringIO()
    with logging_as_served(level, log):
        told = "".join(await everything(house))
    assert TOKEN.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D") in told  # in a URL
    shown = log.getvalue() + b"".join(house.written).decode()
    for secret in (API_KEY, SECRET, TOKEN, "X-Amz-Signature", "x-amz-signature"):
        assert secret not in shown
