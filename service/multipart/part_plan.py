"""How an object is split into parts: all have the same size, except the last. Pure.

Callers send the two numbers of the plan in each call, since the service stores nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from service.errors import InvalidRequest
from service.signing.multipart_actions import (
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MIN_PART_BYTES,
)

_MIB: Final = 1024**2
# The default part size starts at the AWS CLI's. It grows to keep the number of parts at about
# a thousand, but beyond 64 MiB, where a retry gets expensive, only as far as S3's limit of 10,000
# parts requires.
_MIN_DEFAULT_SIZE: Final = 8 * _MIB
_USUAL_PART_COUNT: Final = 1000
_MAX_USUAL_SIZE: Final = 64 * _MIB


@dataclass(frozen=True, slots=True)
class PartPlan:
    """`content_length` is exact, or with `is_max_length` the most bytes that there may be.

    Every part has its exact size all the same. An object that is shorter than the maximum ends with
    a shorter part, whose URL needs a plan with the exact length: it is known by then.
    """

    content_length: int
    part_size: int
    is_max_length: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.content_length <= MAX_OBJECT_BYTES:
            detail = f"A multipart upload has 1 to {MAX_OBJECT_BYTES} bytes."
            raise InvalidRequest(detail, pointer="#/content_length")
        if not MIN_PART_BYTES <= self.part_size <= MAX_PART_BYTES:
            detail = f"A part has {MIN_PART_BYTES} to {MAX_PART_BYTES} bytes."
            raise InvalidRequest(detail, pointer="#/part_size")
        if self.part_count > MAX_PARTS:
            detail = f"This size makes {self.part_count} parts; the maximum is {MAX_PARTS}."
            raise InvalidRequest(detail, pointer="#/part_size")

    @classmethod
    def for_length(
        cls, content_length: int, part_size: int | None = None, *, is_max_length: bool = False
    ) -> Self:
        """Return a plan with this part size, or with the default size for this length."""
        if part_size is None:
            part_size = _default_part_size(content_length)
        return cls(content_length, part_size, is_max_length)

    @property
    def part_count(self) -> int:
        return -(-self.content_length // self.part_size)

    def length(self, part_number: int) -> int:
        """Return the size of a part in bytes; the last one has the rest."""
        return min(self.part_size, self.content_length - (part_number - 1) * self.part_size)

    def check_numbers(self, part_numbers: Sequence[int], *, pointer: str) -> None:
        if len(set(part_numbers)) < len(part_numbers):
            raise InvalidRequest("A part number is given twice.", pointer=pointer)
        if not all(1 <= number <= self.part_count for number in part_numbers):
            detail = f"The part numbers of this upload are 1 to {self.part_count}."
            raise InvalidRequest(detail, pointer=pointer)


def _default_part_size(content_length: int) -> int:
    usual = min(-(-content_length // _USUAL_PART_COUNT), _MAX_USUAL_SIZE)
    size = max(_MIN_DEFAULT_SIZE, usual, -(-content_length // MAX_PARTS))
    return min(-(-size // _MIB) * _MIB, MAX_PART_BYTES)
