"""How the largest objects are divided. Nothing of them is moved here."""

from itertools import pairwise

import pytest

from presign_client.transfers.expected import expected
from presign_client.transfers.plan import (
    LARGE_PART_SIZE,
    MIN_PART_SIZE,
    PART_SIZE_METADATA,
    PARTS,
    SINGLE_PUT,
    part_size_of,
    parts_of,
)

TIB = 2**40
SIZES = [5 * TIB, 5 * TIB - 1, TIB + 1, PARTS * LARGE_PART_SIZE, PARTS * LARGE_PART_SIZE + 1]


@pytest.mark.parametrize("size", SIZES)
def test_five_tib_go_up_in_parts_that_s3_takes(size: int) -> None:
    part_size = part_size_of(size)
    parts = list(parts_of(size, part_size))

    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert len(parts) <= PARTS
    assert {part.length for part in parts[:-1]} == {part_size}
    assert MIN_PART_SIZE <= part_size <= SINGLE_PUT
    assert (parts[0].start, parts[-1].start + parts[-1].length) == (0, size)
    assert all(one.start + one.length == next_one.start for one, next_one in pairwise(parts))


@pytest.mark.parametrize("size", SIZES)
def test_five_tib_are_compared_by_the_parts_they_went_up_in(size: int) -> None:
    part_size = part_size_of(size)
    found = {
        "content_length": size,
        "etag": '"a"',
        "checksums": {"SHA256": f"abc=-{-(-size // part_size)}"},
        "metadata": {PART_SIZE_METADATA: str(part_size)},
    }

    wanted = expected(found, None)

    assert (wanted.part_size, wanted.range_size) == (part_size, part_size)
    assert wanted.is_certain
    assert wanted.needs_parts
