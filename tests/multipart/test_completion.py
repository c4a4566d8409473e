"""What is checked before an object is made of its parts, and what the store is sent."""

from dataclasses import replace
from typing import Final

import pytest

from service.errors import (
    InvalidPart,
    LengthMismatch,
    ObjectExists,
    StorageRefused,
    StorageUnavailable,
)
from service.multipart.completion import COMPLETE_SECONDS
from service.signing.actions import Checksum
from service.signing.multipart_actions import UploadedPart
from tests.multipart.fake_s3 import Fault, loses_request, refuses
from tests.multipart.harness import KEY, LENGTH, MIN_PART, Harness, error_of, with_harness

CRC: Final = Checksum(algorithm="CRC32", value="AAAAAA==")
SHA: Final = Checksum(algorithm="SHA1", value="A" * 27 + "=")


def element(checksum: Checksum) -> str:
    """The checksum as the store lists it."""
    return f"<Checksum{checksum.algorithm}>{checksum.value}</Checksum{checksum.algorithm}>"


@with_harness
async def test_an_existing_object_is_kept_unless_overwritten(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    harness.store.objects[KEY] = ('"theirs"', 1)
    await error_of(harness.complete(*parts), ObjectExists)
    assert harness.store.objects[KEY] == ('"theirs"', 1)
    await harness.complete(*parts, overwrite=True)
    assert harness.store.objects[KEY][1] == LENGTH


@with_harness
async def test_missing_parts_can_still_be_sent(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    error = await error_of(harness.complete(*parts[:2]), LengthMismatch)
    assert list(error.pointers) == ["#/content_length"]
    assert str(2 * MIN_PART) in error.detail
    assert "abort" not in harness.events
    await harness.complete(*parts)


@with_harness
async def test_an_upload_that_is_too_long_is_aborted(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    error = await error_of(harness.complete(*parts, content_length=LENGTH - 1), LengthMismatch)
    assert list(error.pointers) == ["#/content_length"]
    assert "was aborted" in error.detail
    assert (harness.store.uploads, harness.store.objects) == ({}, {})
    assert "complete" not in harness.events


@pytest.mark.parametrize("maximum", [LENGTH, LENGTH + 1, 10 * LENGTH])
@with_harness
async def test_with_a_maximum_the_sum_of_the_parts_is_the_length(
    harness: Harness, maximum: int
) -> None:
    parts = await harness.create_and_put_parts()
    done = await harness.complete(*parts, content_length=maximum, is_max_length=True)
    assert (done.content_length, harness.store.objects[KEY][1]) == (LENGTH, LENGTH)
    [completion] = [
        each for each in harness.store.requests if "x-amz-mp-object-size" in each.headers
    ]
    assert completion.headers["x-amz-mp-object-size"] == str(LENGTH)
    again = await harness.complete(*parts, content_length=maximum, is_max_length=True)
    assert again == replace(done, version_id=None)


@with_harness
async def test_parts_above_the_maximum_are_aborted(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    completion = harness.complete(*parts, content_length=LENGTH - 1, is_max_length=True)
    error = await error_of(completion, LengthMismatch)
    assert list(error.pointers) == ["#/max_content_length"]
    assert "more than max_content_length" in error.detail
    assert (harness.store.uploads, harness.store.objects) == ({}, {})


@pytest.mark.parametrize("faults", [[refuses(403, "AccessDenied")], [loses_request] * 3])
@with_harness
async def test_a_failed_abort_is_not_reported_as_done(
    harness: Harness, faults: list[Fault]
) -> None:
    parts = await harness.create_and_put_parts()
    harness.store.faults["abort"] = faults
    error = await error_of(harness.complete(*parts, content_length=LENGTH - 1), LengthMismatch)
    assert "was aborted" not in error.detail
    assert "complete" not in harness.events


@with_harness
async def test_only_the_given_parts_are_summed(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    done = await harness.complete(parts[0], parts[2], content_length=MIN_PART + 7)
    assert (done.content_length, harness.store.objects[KEY][1]) == (MIN_PART + 7, MIN_PART + 7)


@with_harness
async def test_each_part_that_does_not_match_has_an_error(harness: Harness) -> None:
    one, two, three = await harness.create_and_put_parts(checksum=element(CRC))
    parts = [
        replace(one, checksum=replace(CRC, value="AAAAAQ==")),
        replace(two, etag='"other"'),
        replace(three, checksum=SHA),
        UploadedPart(part_number=4, etag='"e"'),
    ]
    error = await error_of(harness.complete(*parts), InvalidPart)
    assert list(error.pointers) == [
        *("#/parts/0/checksum", "#/parts/1/etag", "#/parts/2/checksum"),
        "#/parts/3/part_number",
    ]
    assert "complete" not in harness.events
    assert list(harness.store.uploads) == ["upload-1"]


@with_harness
async def test_only_the_first_20_errors_are_reported(harness: Harness) -> None:
    await harness.create_and_put_parts()
    parts = [UploadedPart(part_number=number, etag='"e"') for number in range(1, 10_001)]
    error = await error_of(harness.complete(*parts), InvalidPart)
    at = [
        *(f"#/parts/{i}/etag" for i in range(3)),
        *(f"#/parts/{i}/part_number" for i in range(3, 20)),
    ]
    assert list(error.pointers) == at


@pytest.mark.parametrize(
    ("listed", "given", "sent"),
    [
        (None, None, None),
        (None, CRC, CRC),
        (SHA, None, SHA),
        (SHA, SHA, SHA),
        (CRC, CRC, CRC),
        (CRC, None, None),  # S3 may list one by itself, and does not need it
    ],
)
@with_harness
async def test_checksums_that_the_store_needs_are_sent(
    harness: Harness, listed: Checksum | None, given: Checksum | None, sent: Checksum | None
) -> None:
    parts = await harness.create_and_put_parts(checksum=element(listed) if listed else "")
    await harness.complete(*(replace(part, checksum=given) for part in parts))
    body = harness.store.bodies[-1].decode()
    assert body.count("<Checksum") == (3 if sent else 0)
    assert body.count(element(sent) if sent else "<Checksum") == (3 if sent else 0)


@with_harness
async def test_an_error_inside_a_200_is_an_error(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    harness.store.faults["complete"] = [refuses(200, "AccessDenied")]
    await error_of(harness.complete(*parts), StorageRefused)
    harness.store.faults["complete"] = [refuses(200, "InternalError")] * 2  # it is retried
    await harness.complete(*parts)
    assert harness.events.count("complete") == 4


@with_harness
async def test_a_completion_may_take_five_minutes(harness: Harness) -> None:
    parts = await harness.create_and_put_parts()
    harness.store.delays["complete"] = COMPLETE_SECONDS + 1
    await error_of(harness.complete(*parts), StorageUnavailable)
    harness.store.delays["complete"] = COMPLETE_SECONDS - 1
    await harness.complete(*parts)
