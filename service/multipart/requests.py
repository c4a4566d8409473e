"""What callers request of multipart uploads. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, Self

from service.access.grants import AccessRequest, Operation
from service.errors import InvalidRequest
from service.multipart.part_plan import PartPlan
from service.presigning.requests import StoreRequest
from service.sessions.lifetime import Lifetime
from service.signing.actions import Checksum, ChecksumAlgorithm, check_digest
from service.signing.multipart_actions import (
    MAX_PARTS,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    UploadedPart,
    UploadPart,
    UploadPartOfUnknownLength,
    check_upload_id,
)

MAX_PARTS_PER_REQUEST: Final = 100  # with more, the last URLs would expire before their use
DEFAULT_PARTS_PER_REQUEST: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An existing upload. The store knows an id only together with its bucket and key."""

    bucket: str
    key: str
    upload_id: str

    def __post_init__(self) -> None:
        check_upload_id(self.upload_id)

    def store_request(
        self,
        action: str,
        content_length: int | None = None,
        *,
        is_max_length: bool = False,
        overwrite: bool = False,
    ) -> StoreRequest:
        access_request = AccessRequest(
            operation=Operation.MULTIPART,
            bucket=self.bucket,
            key=self.key,
            content_length=content_length,
            is_max_length=is_max_length,
            overwrite=overwrite,
            checks_content_type=False,
        )
        return StoreRequest(action=action, access_request=access_request, upload_id=self.upload_id)


@dataclass(frozen=True, slots=True)
class PartChecksums:
    """Base64 checksums by part number. With an algorithm, each part to sign needs one."""

    algorithm: ChecksumAlgorithm | None = None
    values: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.algorithm is None:
            if self.values:
                raise InvalidRequest("Set checksum_algorithm.", pointer="#/checksum_algorithm")
            return
        for number, value in self.values.items():
            check_digest(self.algorithm, value, pointer=f"#/checksums/{number}")

    def of_part(self, part_number: int) -> Checksum | None:
        if self.algorithm is None:
            return None
        return Checksum(algorithm=self.algorithm, value=self.values[part_number])

    def check_complete(self, part_numbers: Sequence[int]) -> None:
        """Raises InvalidRequest if a part needs a checksum and has none, or the other way round."""
        expected = set(part_numbers) if self.algorithm is not None else set()
        if expected != set(self.values):
            detail = "Give a checksum for each part to sign, and for no other part."
            raise InvalidRequest(detail, pointer="#/checksums")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSelection:
    """Parts of an upload to sign."""

    upload: Upload
    plan: PartPlan
    part_numbers: Sequence[int]
    checksums: PartChecksums
    lifetime: Lifetime

    def __post_init__(self) -> None:
        self.plan.check_numbers(self.part_numbers, pointer="#/part_numbers")
        self.checksums.check_complete(self.part_numbers)

    def store_request(self) -> StoreRequest:
        plan = self.plan
        request = self.upload.store_request(
            "UploadPart", plan.content_length, is_max_length=plan.is_max_length
        )
        return replace(request, lifetime=self.lifetime)

    def actions(self) -> list[UploadPart]:
        return [
            UploadPart(
                upload_id=self.upload.upload_id,
                part_number=number,
                content_length=self.plan.length(number),
                checksum=self.checksums.of_part(number),
            )
            for number in self.part_numbers
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadCreation:
    """An upload to create. `content_type_given`: whether the caller named a content type.

    `overwrite` is what the completion will request: then it is refused before any byte is sent. The
    length need not be known before the completion: `content_length` is what the caller expects, and
    is checked against the grant and then forgotten.
    """

    bucket: str
    key: str
    action: CreateMultipartUpload
    lifetime: Lifetime
    content_length: int | None = None
    content_type_given: bool = True
    overwrite: bool = False

    def access_request(self) -> AccessRequest:
        return AccessRequest(
            operation=Operation.MULTIPART,
            bucket=self.bucket,
            key=self.key,
            content_length=self.content_length,
            content_type=self.action.content_type if self.content_type_given else None,
            overwrite=self.overwrite,
            tag_names=tuple(name for name, _ in self.action.tags),
        )

    def of_type(self, content_type: str) -> Self:
        action = replace(self.action, content_type=content_type)
        return replace(self, action=action, content_type_given=True)

    def store_request(self) -> StoreRequest:
        return StoreRequest(
            action="CreateMultipartUpload",
            access_request=self.access_request(),
            lifetime=self.lifetime,
            create_only=not self.overwrite,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload(UploadCreation):
    """An upload of planned parts, whose length is that of the plan."""

    plan: PartPlan
    checksums: PartChecksums

    def __post_init__(self) -> None:
        numbers = sorted(self.checksums.values)
        self.plan.check_numbers(numbers, pointer="#/checksums")
        if len(numbers) > MAX_PARTS_PER_REQUEST:
            detail = f"One call signs at most {MAX_PARTS_PER_REQUEST} parts."
            raise InvalidRequest(detail, pointer="#/checksums")

    def access_request(self) -> AccessRequest:
        length, is_max = self.plan.content_length, self.plan.is_max_length
        request = UploadCreation.access_request(self)
        return replace(request, content_length=length, is_max_length=is_max)

    def first_parts(self, maximum: int | None) -> Sequence[int]:
        """Return the parts to sign at once: those with a checksum, or the first few.

        `maximum` is how many URLs the caller's rate allows; None is no limit.
        """
        if self.checksums.algorithm is not None:
            return sorted(self.checksums.values)
        count = min(DEFAULT_PARTS_PER_REQUEST, self.plan.part_count)
        return range(1, (count if maximum is None else min(count, maximum)) + 1)

    def selection(self, upload_id: str, part_numbers: Sequence[int]) -> PartSelection:
        return PartSelection(
            upload=Upload(bucket=self.bucket, key=self.key, upload_id=upload_id),
            plan=self.plan,
            part_numbers=part_numbers,
            checksums=self.checksums,
            lifetime=self.lifetime,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownLengthParts:
    """Parts of an upload of unknown length to sign."""

    upload: Upload
    part_numbers: Sequence[int]
    lifetime: Lifetime

    def __post_init__(self) -> None:
        if not all(1 <= number <= MAX_PARTS for number in self.part_numbers):
            detail = f"Part numbers are 1 to {MAX_PARTS}."
            raise InvalidRequest(detail, pointer="#/part_numbers")
        if not 1 <= len(self.part_numbers) <= MAX_PARTS_PER_REQUEST:
            detail = f"One call signs 1 to {MAX_PARTS_PER_REQUEST} parts."
            raise InvalidRequest(detail, pointer="#/part_numbers")

    def store_request(self) -> StoreRequest:
        return replace(self.upload.store_request("UploadPart"), lifetime=self.lifetime)

    def actions(self) -> list[UploadPartOfUnknownLength]:
        return [
            UploadPartOfUnknownLength(upload_id=self.upload.upload_id, part_number=number)
            for number in self.part_numbers
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The parts to make the object of. `checksum` and `content_length` are the whole object's.

    With `is_max_length`, `content_length` is the most bytes that the parts may have.
    """

    upload: Upload
    content_length: int
    parts: Sequence[UploadedPart]
    is_max_length: bool = False
    checksum: Checksum | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        numbers = [part.part_number for part in self.parts]
        for i, (previous, number) in enumerate(pairwise(numbers), 1):
            if previous >= number:
                detail = "Part numbers must be strictly increasing."
                raise InvalidRequest(detail, pointer=f"#/parts/{i}/part_number")
        self.action()  # raises InvalidRequest here, before any call to the store

    def store_request(self) -> StoreRequest:
        request = self.upload.store_request(
            "CompleteMultipartUpload",
            self.content_length,
            is_max_length=self.is_max_length,
            overwrite=self.overwrite,
        )
        return replace(request, create_only=not self.overwrite)

    def action(self) -> CompleteMultipartUpload:
        return CompleteMultipartUpload(
            upload_id=self.upload.upload_id,
            content_length=self.content_length,
            overwrite=self.overwrite,
            checksum=self.checksum,
        )
