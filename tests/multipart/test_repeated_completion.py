"""A repeated completion returns the object that this upload made, and no other."""

import asyncio
from collections.abc import Callable
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
from tests.multipart.fake_s3 import Do, Fault, loses_answer, loses_request, refuses, xml
from tests.multipart.harness import KEY, LENGTH, Harness, error_of, make_upload, with_harness


@with_harness
async def test_a_second_completion_returns_the_object_of_the_first(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    first = await harness.complete(*parts)
    second = await harness.complete(*parts)
    assert second == replace(first, version_id=None)
    assert harness.events.count("complete") == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: {KEY: ('"theirs"', LENGTH)}, id="another etag"),
        pytest.param(lambda etag: {KEY: (etag, LENGTH + 1)}, id="another length"),
        pytest.param(lambda etag: {f"{KEY}2": (etag, LENGTH)}, id="a longer key"),
    ],
)
@with_harness
async def test_another_object_is_not_returned(
    harness: Harness, change: Callable[[str], dict[str, tuple[str, int]]]
) -> None:
    parts = await harness.create_and_put_parts()
    done = await harness.complete(*parts)
    harness.store.objects = change(done.etag)
    await error_of(harness.complete(*parts), UploadNotFound)


@with_harness
async def test_without_permission_to_list_the_upload_is_not_found(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    await harness.complete(*parts)
    harness.store.faults["objects"] = [refuses(403, "AccessDenied")]
    await error_of(harness.complete(*parts), UploadNotFound)


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
@pytest.mark.parametrize("lost", [False, True], ids=["repeated", "without a response"])
@with_harness
async def test_while_the_store_fails_a_completion_can_be_retried(
    harness: Harness, faults: list[Fault], kind: type[PresignError], *, lost: bool
) -> None:
    parts = await harness.create_and_put_parts()
    if lost:
        harness.store.faults["complete"] = [loses_answer]
    else:
        await harness.complete(*parts)
    harness.store.faults["objects"] = [*faults]
    await error_of(harness.complete(*parts), kind)
    again = await harness.complete(*parts)
    assert (again.etag, LENGTH) == harness.store.objects[KEY]


@with_harness
async def test_etags_that_are_no_md5_prove_nothing(harness: Harness) -> None:
    harness.store.objects[KEY] = ('"d41d8cd98f00b204e9800998ecf8427e-0"', LENGTH)
    parts = [UploadedPart(part_number=1, etag='"opaque"')]
    await error_of(harness.complete(*parts), UploadNotFound)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "NoSuchUpload"),
        (412, "PreconditionFailed"),
        (412, "no code"),
        (409, "ConditionalRequestConflict"),
        (409, "OperationAborted"),
        (400, "InvalidPart"),
    ],
)
@with_harness
async def test_a_completion_whose_response_was_lost_succeeds(
    harness: Harness, status: int, code: str
) -> None:
    parts = await harness.create_and_put_parts()
    harness.store.faults["complete"] = [loses_answer, refuses(status, code)]
    done = await harness.complete(*parts)
    assert (done.etag, LENGTH) == harness.store.objects[KEY]
    assert harness.events.count("complete") == 2
    assert "objects" in harness.events


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        (refuses(412, "PreconditionFailed"), ObjectExists),
        (refuses(404, "NoSuchUpload"), UploadNotFound),
        (refuses(400, "InvalidPart"), InvalidPart),
    ],
)
@with_harness
async def test_a_lost_completion_fails_if_another_object_exists(
    harness: Harness, second: Fault, kind: type[PresignError]
) -> None:
    parts = await harness.create_and_put_parts()
    harness.store.objects[KEY] = ('"theirs"', LENGTH)
    harness.store.faults["complete"] = [loses_request, second]
    await error_of(harness.complete(*parts), kind)


@with_harness
async def test_the_same_object_of_another_upload_is_not_returned(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    await harness.complete(*parts)
    others = await harness.create_and_put_parts()
    await error_of(harness.complete(*others, upload=make_upload("upload-2")), ObjectExists)
    assert "upload-2" in harness.store.uploads


@pytest.mark.parametrize("completions", [2, 5])
@with_harness
async def test_concurrent_completions_return_the_same_object(
    harness: Harness, completions: int
) -> None:
    parts = await harness.create_and_put_parts()
    done = await asyncio.gather(*(harness.complete(*parts) for _ in range(completions)))
    assert {each.etag for each in done} == {harness.store.objects[KEY][0]}


@pytest.mark.parametrize("code", ["InvalidPart", "AccessDenied", "MalformedXML"])
@with_harness
async def test_an_object_made_meanwhile_is_returned_after_any_error(
    harness: Harness, code: str
) -> None:
    parts = await harness.create_and_put_parts()

    def complete_elsewhere(do: Do) -> httpx.Response:
        do()
        return refuses(400, code)(do)

    harness.store.faults["complete"] = [complete_elsewhere]
    done = await harness.complete(*parts)
    assert (done.etag, LENGTH) == harness.store.objects[KEY]


@with_harness
async def test_parts_may_disappear_during_a_completion(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    await harness.complete(*parts)
    harness.store.faults["parts"] = [lambda _: xml("<ListPartsResult/>")]
    done = await harness.complete(*parts)
    assert (done.etag, LENGTH) == harness.store.objects[KEY]
