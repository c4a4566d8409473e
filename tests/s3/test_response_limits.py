"""The longest response, and invalid redirects."""

from typing import Any

import httpx
import pytest

from service.errors import StorageRefused
from service.s3.client import MAX_LIST_BYTES
from service.s3.errors import S3Error
from service.signing.actions import ListObjects, ListObjectVersions
from service.signing.multipart_actions import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListParts,
)
from tests.s3.fake_store import (
    HEAD,
    Body,
    Harness,
    SlowStream,
    error_of,
    responds,
    streams,
    with_harness,
)


@pytest.mark.parametrize(
    ("action", "limit"),
    [
        (ListParts(upload_id="u"), 1024 * 1024),
        (ListObjects(prefix="a"), 4 * 1024 * 1024),
        (ListObjectVersions(prefix="a"), 4 * 1024 * 1024),
        (CreateMultipartUpload(), 64 * 1024),
        (CompleteMultipartUpload(upload_id="u", content_length=5), 64 * 1024),
        (AbortMultipartUpload(upload_id="u"), 64 * 1024),
        (HEAD, 64 * 1024),
    ],
    ids=str,
)
@with_harness
async def test_a_response_may_not_exceed_its_limit(
    harness: Harness, action: Any, limit: int
) -> None:
    harness.store.script(responds(200, bytes(limit)), responds(200, bytes(limit + 1)))
    assert len((await harness.send(action=action)).body) == limit
    problem = await error_of(harness.send(action=action))
    assert isinstance(problem, StorageRefused)
    assert problem.detail == "The store's answer is too long."
    assert len(harness.store.requests) == 2
    assert [outcome for *_, outcome in harness.observer.calls] == ["ok", "refused"]


@with_harness
async def test_a_response_that_is_too_long_is_not_read_further(harness: Harness) -> None:
    stream = SlowStream(bytes(MAX_LIST_BYTES // 4), interval=0.1)
    harness.store.script(streams(stream))
    assert isinstance(await error_of(harness.send(action=ListParts(upload_id="u"))), StorageRefused)
    assert (stream.sent, stream.closed) == (5, True)


@pytest.mark.parametrize("location", [b"http:\xff\xfe", b"https://a:b", b"//\x7f", b"http:a"])
@with_harness
async def test_the_address_of_a_redirect_is_not_read(harness: Harness, location: bytes) -> None:
    async def redirect(request: httpx.Request) -> httpx.Response:
        return httpx.Response(301, headers=[(b"location", location)], stream=Body(b""))

    harness.store.script(redirect)
    assert isinstance(await error_of(harness.send()), S3Error)
    assert len(harness.store.requests) == 1
    assert harness.observer.calls == [("reports", "HeadObject", "refused")]
    harness.store.script(responds(200))
    await harness.send()
