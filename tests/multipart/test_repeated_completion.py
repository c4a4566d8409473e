"""A completion that may have been done already tells of its object, and of nobody else's."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from service.errors import (
    CredentialsUnavailable,
    InvalidPart,
    ObjectExists,
    PresignError,
    StorageRefused,
    StorageUnavailable,
    UploadNotFound,
)
from service.signing.multipart_actions import UploadedPart
from tests.multipart.fake_s3 import (
    KEY,
    LENGTH,
    Do,
    Fault,
    a_completion,
    a_house,
    all_sent,
    an_upload,
    loses_answer,
    loses_request,
    not_completed,
    refuses,
    xml,
)
from tests.support.fakes import REQUESTER, in_virtual_time


@in_virtual_time
async def test_a_second_completion_tells_of_the_object_that_the_first_made() -> None:
    async with a_house() as house:
        ask = a_completion(*await all_sent(house))
        first = await house.multipart.complete(REQUESTER, ask)
        second = await house.multipart.complete(REQUESTER, ask)
        assert second == replace(first, version_id=None)
        assert house.order.count("complete") == 1


@pytest.mark.parametrize(
    ("etag", "length"),
    [('"theirs"', LENGTH), (None, LENGTH + 1)],
)
@in_virtual_time
async def test_an_object_that_others_made_is_not_told_of(etag: str | None, length: int) -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        await house.multipart.complete(REQUESTER, a_completion(*parts))
        house.store.objects[KEY] = (etag or house.store.objects[KEY][0], length)
        await not_completed(house, parts, UploadNotFound)


@in_virtual_time
async def test_an_object_whose_key_only_begins_so_is_another() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        await house.multipart.complete(REQUESTER, a_completion(*parts))
        house.store.objects[f"{KEY}2"] = house.store.objects.pop(KEY)
        await not_completed(house, parts, UploadNotFound)


@in_virtual_time
async def test_without_the_right_to_list_the_upload_is_not_found() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        await house.multipart.complete(REQUESTER, a_completion(*parts))
        house.store.faults["objects"] = [refuses(403, "AccessDenied")]
        await not_completed(house, parts, UploadNotFound)


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        pytest.param([loses_request] * 3, StorageUnavailable, id="unreachable"),
        pytest.param([loses_answer] * 3, StorageUnavailable, id="no answer"),
        pytest.param([refuses(503, "SlowDown")] * 3, StorageUnavailable, id="busy"),
        pytest.param([refuses(403, "ExpiredToken")], CredentialsUnavailable, id="session ended"),
        pytest.param([refuses(404, "NoSuchBucket")], StorageRefused, id="refused"),
        pytest.param([lambda _: xml("<html/>")], StorageRefused, id="another document"),
    ],
)
@in_virtual_time
async def test_a_done_completion_is_not_denied_while_the_store_fails(
    faults: list[Fault], kind: type[PresignError]
) -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        first = await house.multipart.complete(REQUESTER, a_completion(*parts))
        house.store.faults["objects"] = faults
        await not_completed(house, parts, kind)
        again = await house.multipart.complete(REQUESTER, a_completion(*parts))
        assert again.etag == first.etag


@in_virtual_time
async def test_a_completion_without_an_answer_is_not_denied_while_the_store_fails() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        house.store.faults["complete"] = [loses_answer]
        house.store.faults["objects"] = [loses_request] * 3
        await not_completed(house, parts, StorageUnavailable)
        done = await house.multipart.complete(REQUESTER, a_completion(*parts))
        assert (done.etag, LENGTH) == house.store.objects[KEY]


@in_virtual_time
async def test_etags_that_are_no_digests_prove_nothing() -> None:
    async with a_house() as house:
        house.store.objects[KEY] = ('"d41d8cd98f00b204e9800998ecf8427e-0"', LENGTH)
        ours = [UploadedPart(part_number=1, etag='"opaque"')]
        await not_completed(house, ours, UploadNotFound)


@pytest.mark.parametrize(
    "second",
    [
        None,
        refuses(412, "PreconditionFailed"),
        refuses(412, "no code"),
        refuses(409, "ConditionalRequestConflict"),
        refuses(409, "OperationAborted"),
        refuses(400, "InvalidPart"),
    ],
    ids=["NoSuchUpload", "412", "412 bare", "409", "aborted", "400"],
)
@in_virtual_time
async def test_a_completion_whose_answer_was_lost_is_done(second: Fault | None) -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        house.store.faults["complete"] = [loses_answer, *([second] if second else [])]
        done = await house.multipart.complete(REQUESTER, a_completion(*parts))
        assert (done.etag, LENGTH) == house.store.objects[KEY]
        assert house.order.count("complete") == 2
        assert "objects" in house.order


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        (refuses(412, "PreconditionFailed"), ObjectExists),
        (refuses(404, "NoSuchUpload"), UploadNotFound),
        (refuses(400, "InvalidPart"), InvalidPart),
    ],
)
@in_virtual_time
async def test_a_completion_that_was_lost_is_refused_where_the_object_is_not_ours(
    second: Fault, kind: type[PresignError]
) -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        house.store.objects[KEY] = ('"theirs"', LENGTH)
        house.store.faults["complete"] = [loses_request, second]
        await not_completed(house, parts, kind)


@in_virtual_time
async def test_the_same_object_made_by_another_upload_is_no_success() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        await house.multipart.complete(REQUESTER, a_completion(*parts))
        same = await all_sent(house)
        await not_completed(house, same, ObjectExists, upload=an_upload("upload-2"))
        assert "upload-2" in house.store.uploads


@pytest.mark.parametrize("completions", [2, 5])
@in_virtual_time
async def test_completions_at_the_same_time_tell_of_the_one_object(completions: int) -> None:
    async with a_house() as house:
        ask = a_completion(*await all_sent(house))
        done = await asyncio.gather(
            *(house.multipart.complete(REQUESTER, ask) for _ in range(completions))
        )
        assert {each.etag for each in done} == {house.store.objects[KEY][0]}


@pytest.mark.parametrize("code", ["InvalidPart", "AccessDenied", "MalformedXML"])
@in_virtual_time
async def test_whatever_is_refused_the_object_that_another_call_made_is_told_of(code: str) -> None:
    async with a_house() as house:
        parts = await all_sent(house)

        def done_by_another(do: Do) -> httpx.Response:
            do()
            return refuses(400, code)(do)

        house.store.faults["complete"] = [done_by_another]
        done = await house.multipart.complete(REQUESTER, a_completion(*parts))
        assert (done.etag, LENGTH) == house.store.objects[KEY]


@in_virtual_time
async def test_a_store_that_drops_parts_while_it_completes_is_not_taken_at_its_word() -> None:
    async with a_house() as house:
        parts = await all_sent(house)
        ask = a_completion(*parts)
        await house.multipart.complete(REQUESTER, ask)
        house.store.faults["parts"] = [lambda _: xml("<ListPartsResult/>")]
        done = await house.multipart.complete(REQUESTER, ask)
        assert (done.etag, LENGTH) == house.store.objects[KEY]
