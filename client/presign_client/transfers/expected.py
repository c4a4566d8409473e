"""The object that a download is to have the bytes of, and whether it has them. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from presign_client.checksums import ObjectChecksum, composite, encoded, strongest
from presign_client.errors import PresignError
from presign_client.transfers.plan import (
    MIB,
    MIN_PART_SIZE,
    PART_SIZE_METADATA,
    PARTS,
    SINGLE_PUT,
    part_size_of,
)

USUAL_PART_SIZES = tuple(size * MIB for size in (8, 5, 16, 32, 64, 128))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedObject:
    """`range_size` is that of the ranges to read. Nothing of the object decides about it.

    `part_size` is that of the parts of which the checksum may be made. `is_certain`: the object's
    metadata has it. Otherwise it is a guess.
    """

    size: int
    etag: str
    checksum: ObjectChecksum | None
    range_size: int
    part_size: int
    is_certain: bool

    @property
    def needs_parts(self) -> bool:
        """Whether the checksum may be made of those of the parts."""
        checksum = self.checksum
        if checksum is None or self.size <= self.part_size:
            return False
        return checksum.count is not None or (self.is_certain and checksum.may_be_of_parts)

    def is_verified(self, digests: list[bytes], whole: Callable[[], bytes]) -> bool:
        """Compare the checksum with those of the parts, or of all bytes.

        Returns:
            False if the object has none that can be compared.

        Raises:
            PresignError: if the bytes are not the object's.

        """
        checksum = self.checksum
        if checksum is None:
            return False
        if digests and checksum.value == composite(digests, checksum.algorithm):
            return True
        if checksum.count is None and checksum.value == encoded(whole()):
            return True
        if checksum.count is not None and not self.is_certain:
            return False
        raise PresignError(
            "checksum_mismatch", "The bytes that arrived are not the object's. Download it again."
        )


def expected(found: Mapping[str, Any], part_size: int | None) -> ExpectedObject:
    """Return what to expect of an object, as a check of it found it. `part_size` is for ranges."""
    size, checksum = found["content_length"], strongest(found.get("checksums", {}))
    kept = _kept_part_size(found.get("metadata", {}), size)
    sizes = [kept, part_size, part_size_of(size), *USUAL_PART_SIZES]
    count = checksum.count if checksum else None
    fitting = [each for each in sizes if each and count in {None, -(-size // each)}]
    chosen = fitting[0] if fitting else USUAL_PART_SIZES[-1]
    return ExpectedObject(
        size=size,
        etag=found["etag"],
        checksum=checksum,
        range_size=part_size or part_size_of(size),
        part_size=chosen,
        is_certain=chosen == kept,
    )


def _kept_part_size(metadata: Mapping[str, str], size: int) -> int | None:
    """Return the size that the metadata has, if S3 allows such parts of an object of `size`.

    Anyone who may upload the object can have written it. Parts of one byte would keep this
    computer busy for hours.
    """
    kept = metadata.get(PART_SIZE_METADATA, "")
    if not (kept.isascii() and kept.isdigit() and len(kept) <= len(str(SINGLE_PUT))):
        return None
    number = int(kept)
    return number if MIN_PART_SIZE <= number <= SINGLE_PUT and size <= PARTS * number else None
