"""An upload in parts from its creation to its end, against a store that keeps it in memory."""

from base64 import b64encode
from dataclasses import replace
from typing import Final

import pytest

from service.errors import InvalidPart, StorageRefused, StorageUnavailable, UploadNotFound
from service.multipart.part_plan import PartPlan
from service.multipart.requests import DEFAULT_PARTS_PER_REQUEST, PartChecksums
from service.s3.client import CALL_SECONDS
from service.sessions.lifetime import Lifetime
from service.signing.actions import Encryption
from service.signing.multipart_actions import CreateMultipartUpload, UploadedPart
from service.signing.signer import Address
from tests.multipart.fake_s3 import (
    KEY,
    LEAST,
    LENGTH,
    PLAN,
    Fault,
    a_completion,
    a_house,
    a_window,
    an_upload,
    loses_answer,
    loses_request,
    new_upload,
    refusal,
    refuses,
    xml,
)
from tests.presigning.house import times
from tests.s3.fake_store import query_of
from tests.support.fakes import (
    ADDRESS,
    REQUESTER,
    a_bucket,
    a_grant,
    a_snapshot,
    in_virtual_time,
)

ENCRYPTION: Final = Encryption(algorithm="aws:kms", kms_key_id="key-1")
CRC: Final = b64encode(b"crc1").decode()


@in_virtual_time
async def test_an_upload_is_created_continued_and_completed() -> None:
    async with a_house() as house:
        created = await house.multipart.create(REQUESTER, new_upload())
        assert (created.upload_id, created.part_size, created.part_count) == ("upload-1", LEAST, 3)
        assert [(part.part_number, part.content_length) for part in created.parts] == [
            *((1, LEAST), (2, LEAST), (3, 7))
        ]
        more = await house.multipart.sign_parts(REQUESTER, a_window(3))
        assert [part.part_number for part in more.parts] == [3]
        sent = [house.store.put("upload-1", n, PLAN.length(n)) for n in (1, 2, 3)]
        listed = await house.multipart.parts(REQUESTER, an_upload())
        assert listed == sent
        done = await house.multipart.complete(REQUESTER, a_completion(*sent))
        assert (done.bucket, done.key, done.content_length) == ("reports", KEY, LENGTH)
        assert (done.etag, done.content_length) == house.store.objects[KEY]
        assert done.version_id == "v1"
        assert house.store.uploads == {}


@in_virtual_time
async def test_a_parts_url_is_the_one_of_its_upload_and_number_for_as_long_as_was_asked() -> None:
    async with a_house() as house:
        ask = new_upload(lifetime=Lifetime(expires_in=600))
        created = await house.multipart.create(REQUESTER, ask)
        window = a_window(1, 2, 3, lifetime=Lifetime(expires_in=600))
        again = await house.multipart.sign_parts(REQUESTER, window)
        for created_part, part, action in zip(
            created.parts, again.parts, window.actions(), strict=True
        ):
            assert f"partNumber={action.part_number}&uploadId=upload-1" in part.url
            assert created_part.method == part.method == "PUT"
            assert times(part.url)[1] == 600
            assert part.headers == {}
        assert created.validity.expires_at == times(created.parts[0].url)[0] + 600
        assert again.validity.expires_at == times(again.parts[0].url)[0] + 600


@in_virtual_time
async def test_what_the_object_is_to_be_and_the_buckets_encryption_are_said_at_the_creation() -> (
    None
):
    buckets = {"reports": a_bucket(encryption=ENCRYPTION)}
    async with a_house(a_snapshot(a_grant(), buckets=buckets)) as house:
        action = CreateMultipartUpload(content_type="text/plain", metadata=(("team", "x"),))
        created = await house.multipart.create(REQUESTER, new_upload(action=action))
        headers = house.store.uploads["upload-1"].headers
        assert headers["content-type"] == "text/plain"
        assert headers["x-amz-meta-team"] == "x"
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"
        assert all("encryption" not in part.url for part in created.parts)
        sent = [house.store.put("upload-1", n, PLAN.length(n)) for n in (1, 2, 3)]
        await house.multipart.complete(REQUESTER, a_completion(*sent))
        for request in house.store.requests[1:]:
            assert not [name for name in request.headers if "encryption" in name]


@pytest.mark.parametrize(
    ("parts", "signed"), [(1, 1), (DEFAULT_PARTS_PER_REQUEST, DEFAULT_PARTS_PER_REQUEST), (40, 16)]
)
@in_virtual_time
async def test_the_first_few_parts_are_signed_at_once_and_counted_each(
    parts: int, signed: int
) -> None:
    async with a_house() as house:
        created = await house.multipart.create(
            REQUESTER, new_upload(PartPlan(parts * LEAST, LEAST))
        )
        assert len(created.parts) == signed == house.signed()
        await house.multipart.sign_parts(REQUESTER, a_window(1, 3))
        assert house.signed() == signed + 2
        await house.multipart.parts(REQUESTER, an_upload())
        await house.multipart.abort(REQUESTER, an_upload())
        assert house.signed() == signed + 2  # these sign nothing that anybody is given


@in_virtual_time
async def test_with_an_algorithm_only_parts_whose_checksums_are_known_are_signed() -> None:
    action = CreateMultipartUpload(checksum_algorithm="CRC32")
    async with a_house() as house:
        ask = new_upload(action=action, checksums=PartChecksums("CRC32"))
        created = await house.multipart.create(REQUESTER, ask)
        assert list(created.parts) == []
        ask = new_upload(action=action, checksums=PartChecksums("CRC32", {2: CRC}))
        [part] = (await house.multipart.create(REQUESTER, ask)).parts
        assert (part.part_number, part.headers) == (2, {"x-amz-checksum-crc32": CRC})
        assert house.store.requests[0].headers["x-amz-checksum-algorithm"] == "CRC32"


@in_virtual_time
async def test_what_is_there_already_is_listed_page_by_page() -> None:
    async with a_house() as house:
        await house.multipart.create(REQUESTER, new_upload())
        house.store.page = 2
        sent = [house.store.put("upload-1", number, 9) for number in (7, 1, 3, 10_000, 2)]
        listed = await house.multipart.parts(REQUESTER, an_upload())
        assert listed == sorted(sent, key=lambda part: part.part_number)
        assert house.order.count("parts") == 3


@in_virtual_time
async def test_an_upload_without_parts_has_none() -> None:
    async with a_house() as house:
        await house.multipart.create(REQUESTER, new_upload())
        assert await house.multipart.parts(REQUESTER, an_upload()) == []


@in_virtual_time
async def test_a_store_that_goes_on_saying_the_same_page_keeps_nobody() -> None:
    part = "<Part><PartNumber>1</PartNumber><ETag>e</ETag><Size>5</Size></Part>"
    page = f"<ListPartsResult><IsTruncated>true</IsTruncated>{part}</ListPartsResult>"
    async with a_house() as house:
        house.store.faults["parts"] = [lambda _: xml(page)] * 50
        assert len(await house.multipart.parts(REQUESTER, an_upload())) == 1
        assert house.order.count("parts") == 2


@in_virtual_time
async def test_an_aborted_upload_is_gone() -> None:
    async with a_house() as house:
        await house.multipart.create(REQUESTER, new_upload())
        await house.multipart.abort(REQUESTER, an_upload())
        assert house.store.uploads == {}
        await refusal(house.multipart.abort(REQUESTER, an_upload()), UploadNotFound)
        await refusal(house.multipart.parts(REQUESTER, an_upload()), UploadNotFound)
        await refusal(house.multipart.complete(REQUESTER, a_completion()), UploadNotFound)


@in_virtual_time
async def test_an_abort_whose_answer_was_lost_is_done() -> None:
    async with a_house() as house:
        await house.multipart.create(REQUESTER, new_upload())
        house.store.faults["abort"] = [loses_answer]
        await house.multipart.abort(REQUESTER, an_upload())
        assert house.store.uploads == {}


@in_virtual_time
async def test_an_upload_is_of_one_key() -> None:
    async with a_house() as house:
        await house.multipart.create(REQUESTER, new_upload())
        other = an_upload(key="a/c")
        await refusal(house.multipart.parts(REQUESTER, other), UploadNotFound)
        await refusal(house.multipart.abort(REQUESTER, other), UploadNotFound)
        assert list(house.store.uploads) == ["upload-1"]


def answers_with_id(upload_id: str) -> Fault:
    name = "InitiateMultipartUploadResult"
    return lambda _: xml(f"<{name}><UploadId>{upload_id}</UploadId></{name}>")


@in_virtual_time
async def test_an_empty_upload_id_is_refused() -> None:
    async with a_house() as house:
        house.store.faults["create"] = [answers_with_id("")]
        await refusal(house.multipart.create(REQUESTER, new_upload()), StorageRefused)
        assert house.order == ["line", "create"]


@pytest.mark.parametrize("upload_id", [" u", "u\u00e9", "x" * 1025, "u v\tw", "a/b"])
@in_virtual_time
async def test_an_upload_whose_id_cannot_be_signed_is_aborted(upload_id: str) -> None:
    async with a_house() as house:
        house.store.faults["create"] = [answers_with_id(upload_id)]
        await refusal(house.multipart.create(REQUESTER, new_upload()), StorageRefused)
        assert house.order == ["line", "create", "line", "abort"]
        assert query_of(house.store.requests[-1])["uploadId"] == upload_id
        assert house.told[-1]["action"] == "AbortMultipartUpload"


@pytest.mark.parametrize("fault", [refuses(404, "NoSuchUpload"), loses_request])
@in_virtual_time
async def test_an_abort_that_fails_changes_no_answer(fault: Fault) -> None:
    async with a_house() as house:
        house.store.faults["create"] = [answers_with_id("a/b")]
        house.store.faults["abort"] = [fault] * 3
        await refusal(house.multipart.create(REQUESTER, new_upload()), StorageRefused)


@in_virtual_time
async def test_a_store_that_cannot_be_reached_is_told_as_that() -> None:
    async with a_house() as house:
        house.store.faults["create"] = [loses_request] * 3
        await refusal(house.multipart.create(REQUESTER, new_upload()), StorageUnavailable)
        assert house.clock.boot() < CALL_SECONDS


@in_virtual_time
async def test_urls_carry_the_requests_id_where_the_bucket_wants_it_and_own_calls_do_not() -> None:
    buckets = {"reports": a_bucket(tag_urls=True)}
    async with a_house(a_snapshot(a_grant(), buckets=buckets)) as house:
        created = await house.multipart.create(REQUESTER, new_upload())
        more = await house.multipart.sign_parts(REQUESTER, a_window(1))
        for part in (*created.parts, *more.parts):
            assert "x-presign-id=request-1" in part.url
        assert "x-presign-id" not in str(house.store.requests[0].url)


@in_virtual_time
async def test_parts_are_signed_for_the_public_host_and_created_at_the_inner_one() -> None:
    inner = replace(ADDRESS, host="store.internal")
    public = Address(
        scheme="https", host="files.example.test", path_prefix="/", region="eu-west-1", inner=inner
    )
    snapshot = a_snapshot(a_grant(), buckets={"reports": a_bucket(address=public)})
    async with a_house(snapshot) as house:
        created = await house.multipart.create(REQUESTER, new_upload())
        assert created.parts[0].url.startswith("https://files.example.test/a/b?")
        assert house.store.requests[0].url.host == "store.internal"


@in_virtual_time
async def test_a_part_that_was_never_sent_is_named() -> None:
    async with a_house() as house:
        await house.multipart.create(REQUESTER, new_upload())
        house.store.put("upload-1", 1, LEAST)
        ask = a_completion(UploadedPart(part_number=2, etag='"e"'))
        told = await refusal(house.multipart.complete(REQUESTER, ask), InvalidPart)
        assert list(told.pointers) == ["#/parts/0/part_number"]


@pytest.mark.parametrize("method", ["create", "parts", "abort"])
@in_virtual_time
async def test_what_the_store_denies_is_told_without_its_words(method: str) -> None:
    async with a_house() as house:
        house.store.faults[method] = [refuses(403, "AccessDenied")]
        ask = new_upload() if method == "create" else an_upload()
        told = await refusal(getattr(house.multipart, method)(REQUESTER, ask), StorageRefused)
        assert told.detail == "The store refused: AccessDenied."
