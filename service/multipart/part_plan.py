"""How an object is cut into parts: all of one size but the last. Pure.

A plan follows from two numbers, which a caller sends along each time: nothing of an upload is kept
here.
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
# What the AWS CLI begins with; parts grow so that there are some thousand of them, up to where one
# that has to be sent again hurts, and beyond that only as far as S3's 10,000 parts force them to.
_LEAST_CHOSEN: Final = 8 * _MIB
_MANY_PARTS: Final = 1000
_LARGE_PART: Final = 64 * _MIB


@dataclass(frozen=True, slots=True)
class PartPlan:
    content_length: int
    part_size: int

    def __post_init__(self) -> None:
        if not 1 <= self.content_length <= MAX_OBJECT_BYTES:
            detail = f"An upload in parts has 1 to {MAX_OBJECT_BYTES} bytes."
            raise InvalidRequest(detail, pointer="#/content_length")
        if not MIN_PART_BYTES <= self.part_size <= MAX_PART_BYTES:
            detail = f"A part has {MIN_PART_BYTES} to {MAX_PART_BYTES} bytes."
            raise InvalidRequest(detail, pointer="#/part_size")
        if self.part_count > MAX_PARTS:
            detail = f"It would take {self.part_count} parts; {MAX_PARTS} are most."
            raise InvalidRequest(detail, pointer="#/part_size")

    @classmethod
    def of(cls, content_length: int, part_size: int | None = None) -> Self:
        """With a part size that fits, unless one is asked for."""
        return cls(content_length, _chosen(content_length) if part_size is None else part_size)

    @property
    def part_count(self) -> int:
        return -(-self.content_length // self.part_size)

    def length(self, part_number: int) -> int:
        """The bytes of a part; the last has what is left."""
        return min(self.part_size, self.content_length - (part_number - 1) * self.part_size)

    def check_numbers(self, part_numbers: Sequence[int], *, pointer: str) -> None:
        if len(set(part_numbers)) < len(part_numbers):
            raise InvalidRequest("A part number stands there twice.", pointer=pointer)
        if not all(1 <= number <= self.part_count for number in part_numbers):
            detail = f"The parts of this upload are 1 to {self.part_count}."
            raise InvalidRequest(detail, pointer=pointer)


def _chosen(content_length: int) -> int:
    wanted = min(-(-content_length // _MANY_PARTS), _LARGE_PART)
    least = max(_LEAST_CHOSEN, wanted, -(-content_length // MAX_PARTS))
    return min(-(-least // _MIB) * _MIB, MAX_PART_BYTES)
