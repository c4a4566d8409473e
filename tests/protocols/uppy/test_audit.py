"""Uppy's requests in the audit trail, the metrics and the log."""

from io import StringIO
from typing import Any

import pytest

from tests.api.sentinels import logging_as_served
from tests.protocols.uppy.harness import MIN_PART, PARAMS, PDF, PREFIX, Harness
from tests.support.app import API_KEY, SECRET, TOKEN
from tests.support.scrapes import samples


async def upload_in_each_way(harness: Harness) -> list[str]:
    """Return the bodies of all responses."""
    client, store, bodies = harness.client, harness.store, []
    bodies.append((await client.get(PARAMS, params=PDF)).text)
    url, key = await harness.create()
    params = {"key": key}
    bodies.append((await client.get(f"{url}/1", params=params)).text)
    part = store.put("upload-1", 1, MIN_PART)
    bodies.append((await client.get(url, params=params)).text)
    signing: list[dict[str, Any]] = [
        {"method": "PUT", "key": "a", "contentType": "image/png"},
        {"method": "POST", "key": "a", "contentType": "image/png"},
        {"method": "GET", "key": key, "uploadId": "upload-1"},
        {"method": "POST", "key": key, "uploadId": "upload-1"},
    ]
    bodies += [(await harness.sign_raw(**each)).text for each in signing]
    parts = {"parts": [{"PartNumber": 1, "ETag": part.etag}]}
    bodies.append((await client.post(f"{url}/complete", params=params, json=parts)).text)
    bodies.append((await client.delete(url, params=params)).text)
    return bodies


async def test_each_request_is_audited(harness: Harness) -> None:
    await upload_in_each_way(harness)
    assert [
        (line["operation"], line.get("action"), line.get("expires_in"))
        for line in harness.audit_lines
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
        ("multipart", "CompleteMultipartUpload", None),
        ("multipart", "AbortMultipartUpload", None),
    ]
    for line in harness.audit_lines:
        assert (line["subject"], line["bucket"], line["decision"]) == ("tester", "demo", "allowed")
        assert line["keys"][0].startswith(PREFIX)


async def test_requests_are_counted_by_route(harness: Harness) -> None:
    await upload_in_each_way(harness)
    counted = {dict(labels).get("route") for _, labels in await samples(harness.client)}
    assert {"/uppy/s3/params", "/uppy/s3/multipart/{upload_id}/{part_number}"} <= counted


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
async def test_no_secret_is_logged_or_audited(harness: Harness, level: str) -> None:
    log = StringIO()
    with logging_as_served(level, log):
        bodies = "".join(await upload_in_each_way(harness))
    assert TOKEN.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D") in bodies  # in a URL
    shown = log.getvalue() + b"".join(harness.audit_bytes).decode()
    for secret in (API_KEY, SECRET, TOKEN, "X-Amz-Signature", "x-amz-signature"):
        assert secret not in shown
