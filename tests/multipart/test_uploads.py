"""A multipart upload from its creation to its end."""

from base64 import b64encode
from dataclasses import replace
from typing import Final

import pytest

from service.errors import StorageRefused, UploadNotFound
from service.multipart.part_plan import PartPlan
from service.multipart.requests import DEFAULT_PARTS_PER_REQUEST
from service.sessions.lifetime import Lifetime
from service.signing.multipart_actions import CreateMultipartUpload
from tests.multipart.fake_s3 import Fault, loses_answer, loses_request, refuses, xml
from tests.multipart.harness import (
    KEY,
    LENGTH,
    MIN_PART,
    Harness,
    error_of,
    start_harness,
    with_harness,
)
from tests.s3.fake_store import query_of
from tests.support.factories import ADDRESS, ENCRYPTION, make_bucket, make_grant, make_snapshot
from tests.support.signed_urls import validity_of
from tests.support.virtual_time import in_virtual_time

CRC: Final = b64encode(b"crc1").decode()


@with_harness
async def test_an_upload_is_created_signed_listed_and_completed(harness: Harness) -> None:
    created = await harness.create()
    assert (created.upload_id, created.part_size, created.part_count) == ("upload-1", MIN_PART, 3)
    lengths = [(part.part_number, part.content_length) for part in created.parts]
    assert lengths == [(1, MIN_PART), (2, MIN_PART), (3, 7)]
    more = await harness.sign_parts(3)
    assert [part.part_number for part in more.parts] == [3]
    sent = harness.put_parts()
    listed = await harness.list_parts()
    assert listed == sent
    done = await harness.complete(*sent)
    assert (done.bucket, done.key, done.content_length) == ("reports", KEY, LENGTH)
    assert (done.etag, done.content_length) == harness.store.objects[KEY]
    assert done.version_id == "v1"
    assert harness.store.uploads == {}


@with_harness
async def test_the_url_of_a_part(harness: Harness) -> None:
    lifetime = Lifetime(expires_in=600)
    created = await harness.create(lifetime=lifetime)
    again = await harness.sign_parts(1, 2, 3, lifetime=lifetime)
    for number, created_part, part in zip((1, 2, 3), created.parts, again.parts, strict=True):
        assert f"partNumber={number}&uploadId=upload-1" in part.url
        assert created_part.method == part.method == "PUT"
        assert validity_of(part.url)[1] == 600
        assert part.headers == {}
    assert created.validity.expires_at == validity_of(created.parts[0].url)[0] + 600
    assert again.validity.expires_at == validity_of(again.parts[0].url)[0] + 600


@in_virtual_time
async def test_only_the_creation_sends_metadata_and_encryption() -> None:
    buckets = {"reports": make_bucket(encryption=ENCRYPTION)}
    async with start_harness(make_snapshot(make_grant(), buckets=buckets)) as harness:
        action = CreateMultipartUpload(content_type="text/plain", metadata=(("team", "x"),))
        created = await harness.create(action=action)
        sent = {"content-type": "text/plain", "x-amz-meta-team": "x", **ENCRYPTION.headers()}
        assert sent.items() <= harness.store.uploads["upload-1"].headers.items()
        assert all("encryption" not in part.url for part in created.parts)
        await harness.complete(*harness.put_parts())
        for request in harness.store.requests[1:]:
            assert not [name for name in request.headers if "encryption" in name]


@pytest.mark.parametrize(
    ("parts", "signed"), [(1, 1), (DEFAULT_PARTS_PER_REQUEST, DEFAULT_PARTS_PER_REQUEST), (40, 16)]
)
@with_harness
async def test_the_first_parts_are_signed_and_counted(
    harness: Harness, parts: int, signed: int
) -> None:
    created = await harness.create(PartPlan(parts * MIN_PART, MIN_PART))
    assert len(created.parts) == signed == harness.signed_urls()
    await harness.sign_parts(1, 3)
    assert harness.signed_urls() == signed + 2
    await harness.list_parts()
    await harness.abort()
    assert harness.signed_urls() == signed + 2  # no URL for the caller


@with_harness
async def test_parts_are_listed_page_by_page(harness: Harness) -> None:
    await harness.create()
    harness.store.page = 2
    sent = [harness.store.put("upload-1", number, 9) for number in (7, 1, 3, 10_000, 2)]
    listed = await harness.list_parts()
    assert listed == sorted(sent, key=lambda part: part.part_number)
    assert harness.events.count("parts") == 3


@with_harness
async def test_a_page_that_repeats_ends_the_list(harness: Harness) -> None:
    part = "<Part><PartNumber>1</PartNumber><ETag>e</ETag><Size>5</Size></Part>"
    page = f"<ListPartsResult><IsTruncated>true</IsTruncated>{part}</ListPartsResult>"
    harness.store.faults["parts"] = [lambda _: xml(page)] * 50
    assert len(await harness.list_parts()) == 1
    assert harness.events.count("parts") == 2


@with_harness
async def test_an_aborted_upload_is_not_found(harness: Harness) -> None:
    await harness.create()
    await harness.abort()
    assert harness.store.uploads == {}
    await error_of(harness.abort(), UploadNotFound)
    await error_of(harness.list_parts(), UploadNotFound)
    await error_of(harness.complete(), UploadNotFound)


@with_harness
async def test_an_abort_whose_response_was_lost_succeeds(harness: Harness) -> None:
    await harness.create()
    harness.store.faults["abort"] = [loses_answer]
    await harness.abort()
    assert harness.store.uploads == {}


@with_harness
async def test_an_upload_belongs_to_one_key(harness: Harness) -> None:
    await harness.create()
    await error_of(harness.list_parts(key="a/c"), UploadNotFound)
    await error_of(harness.abort(key="a/c"), UploadNotFound)
    assert list(harness.store.uploads) == ["upload-1"]


def responds_with_id(upload_id: str) -> Fault:
    name = "InitiateMultipartUploadResult"
    return lambda _: xml(f"<{name}><UploadId>{upload_id}</UploadId></{name}>")


@with_harness
async def test_an_empty_upload_id_is_refused(harness: Harness) -> None:
    harness.store.faults["create"] = [responds_with_id("")]
    await error_of(harness.create(), StorageRefused)
    assert harness.events == ["line", "create"]


@pytest.mark.parametrize("upload_id", [" u", "u\u00e9", "x" * 1025, "u v\tw", "a/b"])
@with_harness
async def test_an_upload_whose_id_cannot_be_signed_is_aborted(
    harness: Harness, upload_id: str
) -> None:
    harness.store.faults["create"] = [responds_with_id(upload_id)]
    await error_of(harness.create(), StorageRefused)
    assert harness.events == ["line", "create", "line", "abort"]
    assert query_of(harness.store.requests[-1])["uploadId"] == upload_id
    assert harness.audit_lines[-1]["action"] == "AbortMultipartUpload"


@pytest.mark.parametrize("fault", [refuses(404, "NoSuchUpload"), loses_request])
@with_harness
async def test_a_failed_abort_does_not_change_the_error(harness: Harness, fault: Fault) -> None:
    harness.store.faults["create"] = [responds_with_id("a/b")]
    harness.store.faults["abort"] = [fault] * 3
    await error_of(harness.create(), StorageRefused)


@in_virtual_time
async def test_only_urls_for_callers_have_the_request_id() -> None:
    buckets = {"reports": make_bucket(tag_urls=True)}
    async with start_harness(make_snapshot(make_grant(), buckets=buckets)) as harness:
        created = await harness.create()
        more = await harness.sign_parts(1)
        for part in (*created.parts, *more.parts):
            assert "x-presign-id=request-1" in part.url
        assert "x-presign-id" not in str(harness.store.requests[0].url)


@in_virtual_time
async def test_parts_use_the_public_host_and_calls_the_internal_one() -> None:
    inner = replace(ADDRESS, host="store.internal")
    public = replace(ADDRESS, host="files.example.test", internal=inner)
    snapshot = make_snapshot(make_grant(), buckets={"reports": make_bucket(address=public)})
    async with start_harness(snapshot) as harness:
        created = await harness.create()
        assert created.parts[0].url.startswith("https://files.example.test/a/b?")
        assert harness.store.requests[0].url.host == "store.internal"


@pytest.mark.parametrize("call", ["create", "parts", "abort"])
@with_harness
async def test_an_error_shows_only_the_code_of_the_store(harness: Harness, call: str) -> None:
    harness.store.faults[call] = [refuses(403, "AccessDenied")]
    method = "list_parts" if call == "parts" else call
    error = await error_of(getattr(harness, method)(), StorageRefused)
    assert error.detail == "The store refused: AccessDenied."
