"""An object is made of its parts once, if they are what was promised; a second time it is told of."""

from dataclasses import replace
from typing import Final

import pytest

from service.errors import (
    ChecksumMismatch,
    InvalidPart,
    LengthMismatch,
    ObjectExists,
    PresignError,
    StorageRefused,
    StorageUnavailable,
    WriteConflict,
)
from service.multipart.completion import COMPLETE_SECONDS
from service.signing.actions import Checksum
from service.signing.multipart_actions import UploadedPart
from tests.multipart.fake_s3 import (
    KEY,
    LEAST,
    LENGTH,
    Fault,
    a_completion,
    a_house,
    all_sent,
    loses_request,
    not_completed,
    refuses,
    xml,
)
from tests.support.fakes import REQUESTER, in_virtual_time

CRC: Final = Checksum(algorithm="CRC32", value="AAAAAA==")
SHA: Final = Checksum(algorithm="SHA1", value="A" * 27 + "=")


def element(checksum: Checksum) -> str:
    """As the store lists it."""
    return f"<Checksum{checksum.algorithm}>{checksum.value}</Checksum{checksum.algorithm}>"


@pytest.mark.parametrize(("overwrite", "condition"), [(False, "*"), (True, None)])
@in_virtual_time
async def test_nothing_is_replaced_unless_it_was_asked_for(
    overwrite: bool, condition: str | None
) -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        ask = a_completion(*parts, overwrite=overwrite)
        await house.multipart.complete(REQUESTER, ask)
        assert house.store.requests[-1].headers.get("if-none-match") == condition


@in_virtual_time
async def test_an_object_that_is_there_already_stays() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        house.store.objects[KEY] = ('"theirs"', 1)
        await not_completed(house, parts, ObjectExists)
        assert house.store.objects[KEY] == ('"theirs"', 1)
        await house.multipart.complete(REQUESTER, a_completion(*parts, overwrite=True))
        assert house.store.objects[KEY][1] == LENGTH


@in_virtual_time
async def test_parts_that_are_too_few_are_told_and_nothing_is_lost() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        told = await not_completed(house, parts[:2], LengthMismatch)
        assert list(told.pointers) == ["#/content_length"]
        assert str(2 * LEAST) in told.detail
        assert "abort" not in house.order
        await house.multipart.complete(REQUESTER, a_completion(*parts))


@in_virtual_time
async def test_parts_that_are_more_than_promised_are_let_go() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        told = await not_completed(house, parts, LengthMismatch, content_length=LENGTH - 1)
        assert list(told.pointers) == ["#/content_length"]
        assert "was aborted" in told.detail
        assert (house.store.uploads, house.store.objects) == ({}, {})
        assert "complete" not in house.order


@pytest.mark.parametrize("faults", [[refuses(403, "AccessDenied")], [loses_request] * 3])
@in_virtual_time
async def test_an_upload_that_could_not_be_let_go_is_not_said_to_be(faults: list[Fault]) -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        house.store.faults["abort"] = faults
        told = await not_completed(house, parts, LengthMismatch, content_length=LENGTH - 1)
        assert "was aborted" not in told.detail
        assert "complete" not in house.order


@in_virtual_time
async def test_only_the_parts_that_are_named_are_added_up() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        ask = a_completion(parts[0], parts[2], content_length=LEAST + 7)
        done = await house.multipart.complete(REQUESTER, ask)
        assert (done.content_length, house.store.objects[KEY][1]) == (LEAST + 7, LEAST + 7)


@in_virtual_time
async def test_parts_that_the_store_has_not_are_each_pointed_at() -> None:
    async with a_house() as house:
        one, two, three = await all_sent(house, checksum=element(CRC))
        ours = [
            replace(one, checksum=replace(CRC, value="AAAAAQ==")),
            replace(two, etag='"other"'),
            replace(three, checksum=SHA),
            UploadedPart(part_number=4, etag='"e"'),
        ]
        told = await not_completed(house, ours, InvalidPart)
        assert list(told.pointers) == [
            *("#/parts/0/checksum", "#/parts/1/etag", "#/parts/2/checksum"),
            "#/parts/3/part_number",
        ]
        assert "complete" not in house.order
        assert list(house.store.uploads) == ["upload-1"]


@in_virtual_time
async def test_of_many_faults_the_first_are_told() -> None:
    async with a_house() as house:
        await all_sent(house)
        ours = [UploadedPart(part_number=number, etag='"e"') for number in range(1, 10_001)]
        told = await not_completed(house, ours, InvalidPart)
        assert list(told.pointers)[:4] == [
            *("#/parts/0/etag", "#/parts/1/etag", "#/parts/2/etag", "#/parts/3/part_number")
        ]
        assert len(told.pointers) == 20


@pytest.mark.parametrize(
    ("listed", "named", "sent"),
    [
        (None, None, None),
        (None, CRC, CRC),
        (SHA, None, SHA),
        (SHA, SHA, SHA),
        (CRC, CRC, CRC),
        (CRC, None, None),  # S3 may list one that nobody asked for, and knows the whole's
    ],
)
@in_virtual_time
async def test_the_store_is_sent_the_checksums_that_it_wants_again(
    listed: Checksum | None, named: Checksum | None, sent: Checksum | None
) -> None:
    async with a_house() as house:
        parts = await all_sent(house, checksum=element(listed) if listed else "")
        ours = [replace(part, checksum=named) for part in parts]
        await house.multipart.complete(REQUESTER, a_completion(*ours))
        body = house.store.bodies[-1].decode()
        assert body.count("<Checksum") == (3 if sent else 0)
        assert body.count(element(sent) if sent else "<Checksum") == (3 if sent else 0)


@in_virtual_time
async def test_the_wholes_checksum_is_the_stores_to_compare() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        await house.multipart.complete(REQUESTER, a_completion(*parts, checksum=CRC))
        headers = house.store.requests[-1].headers
        assert headers["x-amz-checksum-crc32"] == "AAAAAA=="
        assert headers["x-amz-checksum-type"] == "FULL_OBJECT"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidPart", InvalidPart),
        (400, "EntityTooSmall", InvalidPart),
        (400, "BadDigest", ChecksumMismatch),
        (409, "ConditionalRequestConflict", WriteConflict),
        (403, "AccessDenied", StorageRefused),
        (200, "AccessDenied", StorageRefused),
    ],
)
@in_virtual_time
async def test_what_the_store_refuses_is_told(
    status: int, code: str, kind: type[PresignError]
) -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        house.store.faults["complete"] = [refuses(status, code)]
        await not_completed(house, parts, kind)


@in_virtual_time
async def test_an_error_inside_a_200_is_tried_again() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        house.store.faults["complete"] = [refuses(200, "InternalError")] * 2
        await house.multipart.complete(REQUESTER, a_completion(*parts))
        assert house.order.count("complete") == 3


@pytest.mark.parametrize("answer", ["", "<html/>", "<CompleteMultipartUploadResult/>"])
@in_virtual_time
async def test_an_answer_that_tells_nothing_is_not_believed(answer: str) -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        house.store.faults["complete"] = [lambda _: xml(answer)]
        await not_completed(house, parts, StorageRefused)


@in_virtual_time
async def test_a_completion_may_take_minutes_and_no_longer() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        house.store.delays["complete"] = COMPLETE_SECONDS + 1
        await not_completed(house, parts, StorageUnavailable)
        house.store.delays["complete"] = COMPLETE_SECONDS - 1
        await house.multipart.complete(REQUESTER, a_completion(*parts))
