"""What is signed into a request."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from service.errors import CreateOnlyUnsupported
from service.presigning.results import PresignedRequest
from service.signing.actions import (
    Action,
    DeleteObject,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from tests.support.authorizer import make_harness
from tests.support.factories import (
    ADDRESS,
    ENCRYPTION,
    REQUESTER,
    UPLOAD,
    make_bucket,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("action", "method"),
    [
        (GetObject(), "GET"),
        (HeadObject(), "HEAD"),
        (DeleteObject(), "DELETE"),
        (ListObjects(prefix="a/b"), "GET"),
    ],
)
@in_virtual_time
async def test_what_sends_no_object_needs_no_header(action: Action, method: str) -> None:
    harness = make_harness(make_snapshot(make_grant()))
    signed = await harness.presign(make_request(action))
    assert (signed.method, signed.headers, signed.content_length) == (method, {}, None)
    path = "/" if isinstance(action, ListObjects) else "/a/b"
    assert urlsplit(signed.url)[:3] == ("https", ADDRESS.host, path)
    assert parse_qs(urlsplit(signed.url).query)["X-Amz-SignedHeaders"] == ["host"]


async def signed_upload(upload: PutObject, **bucket: Any) -> PresignedRequest:
    snapshot = make_snapshot(
        make_grant(allow_overwrite=True), buckets={"reports": make_bucket(**bucket)}
    )
    signed = await make_harness(snapshot).presigner.presign(REQUESTER, make_request(upload))
    signed_names = parse_qs(urlsplit(signed.url).query)["X-Amz-SignedHeaders"][0].split(";")
    assert sorted({*signed.headers, "host", "content-length"}) == signed_names
    return signed


@in_virtual_time
async def test_an_upload_signs_its_type_size_and_create_only() -> None:
    signed = await signed_upload(UPLOAD)
    assert signed.method == "PUT"
    assert signed.headers == {"content-type": "text/plain", "if-none-match": "*"}
    assert signed.content_length == 5


@in_virtual_time
async def test_an_upload_of_no_bytes_tells_its_size() -> None:
    assert (await signed_upload(replace(UPLOAD, content_length=0))).content_length == 0


@in_virtual_time
async def test_an_upload_that_may_overwrite_has_no_condition() -> None:
    signed = await signed_upload(replace(UPLOAD, overwrite=True))
    assert signed.headers == {"content-type": "text/plain"}


@in_virtual_time
async def test_an_upload_that_replaces_one_version_has_that_condition() -> None:
    signed = await signed_upload(replace(UPLOAD, if_match='"e"'))
    assert signed.headers == {"content-type": "text/plain", "if-match": '"e"'}


@pytest.mark.parametrize("upload", [UPLOAD, replace(UPLOAD, overwrite=True)])
@in_virtual_time
async def test_a_buckets_encryption_is_signed_into_every_upload(upload: PutObject) -> None:
    signed = await signed_upload(upload, encryption=ENCRYPTION)
    assert ENCRYPTION.headers().items() <= signed.headers.items()


@pytest.mark.parametrize(
    ("upload", "pointer"),
    [
        (UPLOAD, "#/overwrite"),
        (replace(UPLOAD, if_match='"e"'), "#/if_match"),
        (replace(UPLOAD, if_match='"e"', overwrite=True), "#/if_match"),
    ],
)
@in_virtual_time
async def test_a_store_without_conditions_never_overwrites_silently(
    upload: PutObject, pointer: str
) -> None:
    bucket = make_bucket(conditional_writes=False)
    harness = make_harness(
        make_snapshot(make_grant(allow_overwrite=True), buckets={"reports": bucket})
    )
    error = await harness.refusal(make_request(upload))
    assert isinstance(error, CreateOnlyUnsupported)
    assert list(error.pointers) == [pointer]
    assert harness.fetches == 0


@in_virtual_time
async def test_a_store_without_conditions_takes_an_upload_that_may_overwrite() -> None:
    signed = await signed_upload(replace(UPLOAD, overwrite=True), conditional_writes=False)
    assert signed.headers == {"content-type": "text/plain"}
