"""Which requests are valid, and what each needs a grant for."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pytest

from service.access.grants import AccessRequest, Operation
from service.errors import InvalidRequest
from service.multipart.part_plan import PartPlan
from service.multipart.requests import (
    DEFAULT_PARTS_PER_REQUEST,
    MAX_PARTS_PER_REQUEST,
    Completion,
    NewUpload,
    PartChecksums,
    PartSelection,
    Upload,
)
from service.sessions.lifetime import Lifetime
from service.signing.actions import Checksum, ChecksumAlgorithm
from service.signing.multipart_actions import CreateMultipartUpload, UploadedPart

MIN_PART: Final = 5 * 1024**2
UPLOAD: Final = Upload(bucket="reports", key="a/b", upload_id="id-1")
CRC: Final = "AAAAAA=="
SHA: Final = b64encode(bytes(32)).decode()


def sums(*numbers: int, algorithm: ChecksumAlgorithm | None = "CRC32") -> PartChecksums:
    return PartChecksums(algorithm, dict.fromkeys(numbers, CRC))


def new(parts: int = 40, checksums: PartChecksums | None = None, **more: Any) -> NewUpload:
    return NewUpload(
        bucket="reports",
        key="a/b",
        plan=PartPlan(parts * MIN_PART, MIN_PART),
        action=CreateMultipartUpload(content_type="text/plain"),
        checksums=checksums or PartChecksums(),
        lifetime=Lifetime(),
        **more,
    )


def selection(numbers: Sequence[int], checksums: PartChecksums | None = None) -> PartSelection:
    return PartSelection(
        upload=UPLOAD,
        plan=PartPlan(2 * MIN_PART + 7, MIN_PART),
        part_numbers=numbers,
        checksums=checksums or PartChecksums(),
        lifetime=Lifetime(expires_in=60),
    )


def completion(*numbers: int, **more: Any) -> Completion:
    parts = [UploadedPart(part_number=number, etag='"e"') for number in numbers]
    return Completion(upload=UPLOAD, content_length=9, parts=parts, **more)


def refused_at(make: Callable[[], object]) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        make()
    return list(refused.value.pointers)


def test_each_part_has_its_length_and_checksum() -> None:
    values = {3: CRC, 1: "AAAAAQ=="}
    actions = selection([3, 1], PartChecksums("CRC32", values)).actions()
    assert {action.upload_id for action in actions} == {"id-1"}
    assert [(action.part_number, action.content_length) for action in actions] == [
        (3, 7),
        (1, MIN_PART),
    ]
    headers = [action.headers().get("x-amz-checksum-crc32") for action in actions]
    assert headers == [*values.values()]
    assert [action.checksum for action in selection([1, 2]).actions()] == [None, None]


@pytest.mark.parametrize("numbers", [[0], [4], [1, 1], [1, 2, 3, 4]])
def test_a_selection_has_each_part_of_the_plan_once(numbers: list[int]) -> None:
    assert refused_at(lambda: selection(numbers)) == ["#/part_numbers"]


@pytest.mark.parametrize("numbers", [(), (1,), (1, 2, 3), (2, 3), (1, 4)])
def test_a_selection_needs_exactly_the_checksums_of_its_parts(numbers: tuple[int, ...]) -> None:
    assert refused_at(lambda: selection([1, 2], sums(*numbers))) == ["#/checksums"]


@pytest.mark.parametrize(
    ("algorithm", "values", "pointer"),
    [
        (None, {1: CRC}, "#/checksum_algorithm"),
        ("SHA256", {1: SHA, 2: CRC}, "#/checksums/2"),
        ("CRC32", {7: "AAAAAA"}, "#/checksums/7"),
    ],
)
def test_an_invalid_checksum_is_refused(
    algorithm: ChecksumAlgorithm | None, values: Mapping[int, str], pointer: str
) -> None:
    assert refused_at(lambda: PartChecksums(algorithm, values)) == [pointer]


@pytest.mark.parametrize(
    ("parts", "maximum", "numbers"),
    [
        (40, None, range(1, DEFAULT_PARTS_PER_REQUEST + 1)),
        (3, None, range(1, 4)),
        (40, 5, range(1, 6)),
        (40, 1, range(1, 2)),
        (40, 100, range(1, DEFAULT_PARTS_PER_REQUEST + 1)),
        (3, 5, range(1, 4)),
    ],
)
def test_the_first_parts_are_limited_by_the_rate(
    parts: int, maximum: int | None, numbers: range
) -> None:
    assert list(new(parts).first_parts(maximum)) == list(numbers)


@pytest.mark.parametrize("maximum", [None, 1])
@pytest.mark.parametrize("known", [(), (2,), (9, 2, 40)])
def test_the_first_parts_are_those_with_known_checksums(
    known: tuple[int, ...], maximum: int | None
) -> None:
    upload = new(checksums=sums(*known))
    numbers = upload.first_parts(maximum)
    assert list(numbers) == sorted(known)
    assert len(upload.selection("id-1", numbers).actions()) == len(known)


def test_a_new_upload_refuses_checksums_of_other_parts() -> None:
    assert refused_at(lambda: new(3, sums(1, 4))) == ["#/checksums"]
    assert refused_at(lambda: new(3, sums(0))) == ["#/checksums"]


def test_a_new_upload_has_at_most_one_windows_checksums() -> None:
    new(200, sums(*range(1, MAX_PARTS_PER_REQUEST + 1)))
    one_more = sums(*range(1, MAX_PARTS_PER_REQUEST + 2))
    assert refused_at(lambda: new(200, one_more)) == ["#/checksums"]


def test_what_a_new_upload_needs_a_grant_for() -> None:
    request = new(3, overwrite=True).store_request()
    assert (request.action, request.upload_id) == ("CreateMultipartUpload", None)
    assert not request.create_only
    assert request.access_request == AccessRequest(
        operation=Operation.MULTIPART,
        bucket="reports",
        key="a/b",
        content_length=3 * MIN_PART,
        content_type="text/plain",
        overwrite=True,
    )
    assert request.access_request.checks_content_type
    assert new(content_type_given=False).store_request().access_request.content_type is None
    assert new().store_request().create_only


def test_later_requests_have_an_upload_id_and_no_type() -> None:
    listing, signing = UPLOAD.store_request("ListParts"), selection([1]).store_request()
    completing = completion(1, overwrite=True).store_request()
    for request, action, length in (
        (listing, "ListParts", None),
        (signing, "UploadPart", 2 * MIN_PART + 7),
        (completing, "CompleteMultipartUpload", 9),
    ):
        assert (request.action, request.upload_id) == (action, "id-1")
        assert request.access_request.operation is Operation.MULTIPART
        assert request.access_request.content_length == length
        assert not request.access_request.checks_content_type
    assert (completing.access_request.overwrite, completing.create_only) == (True, False)
    assert completion(1).store_request().create_only
    assert signing.lifetime == Lifetime(expires_in=60)


@pytest.mark.parametrize("upload_id", ["", "a\n", "a b ", "\u00e9", "a\x00", "x" * 1025, "a/b"])
def test_an_invalid_upload_id_is_refused(upload_id: str) -> None:
    refused_at(lambda: Upload(bucket="reports", key="a", upload_id=upload_id))


@pytest.mark.parametrize("upload_id", ["2~a_b-c.d", "a.b+c==", "x" * 1024])
def test_an_upload_id_may_have_any_form(upload_id: str) -> None:
    assert Upload(bucket="reports", key="a", upload_id=upload_id).upload_id == upload_id


@pytest.mark.parametrize(
    ("numbers", "pointer"),
    [
        ((2, 1), "#/parts/1/part_number"),
        ((1, 1), "#/parts/1/part_number"),
        ((1, 3, 2, 1), "#/parts/2/part_number"),
    ],
)
def test_part_numbers_of_a_completion_must_increase(numbers: tuple[int, ...], pointer: str) -> None:
    assert refused_at(lambda: completion(*numbers)) == [pointer]


def test_a_completion_may_leave_parts_out() -> None:
    checksum = Checksum(algorithm="CRC32", value=CRC)
    action = completion(1, 3, 10_000, checksum=checksum, overwrite=True).action()
    assert (action.upload_id, action.overwrite, action.checksum) == ("id-1", True, checksum)
    assert not completion(1).action().overwrite
