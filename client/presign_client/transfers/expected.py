"""The object that a download is to have the bytes of, and whether it has them. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from presign_client.checksums import ObjectChecksum, composite, encoded, strongest
from presign_client.errors import PresignError
from presign_client.transfers.plan import MIB, PART_SIZE_METADATA, part_size_of

USUAL_PART_SIZES = tuple(size * MIB for size in (8, 5, 16, 32, 64, 128))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """`is_certain`: the object's parts had `part_size`. Otherwise it is a guess."""

    size: int
    etag: str
    checksum: ObjectChecksum | None
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


def expected(found: Mapping[str, Any], part_size: int | None) -> Expected:
    """Return what to expect of an object, as a check of it found it. `part_size` is for ranges."""
    size, checksum = found["content_length"], strongest(found.get("checksums", {}))
    kept = found.get("metadata", {}).get(PART_SIZE_METADATA, "")
    sizes = [int(kept)] if kept.isascii() and kept.isdigit() else []
    is_kept = bool(sizes)
    sizes += [part_size] if part_size else []
    sizes += [part_size_of(size), *USUAL_PART_SIZES]
    count = checksum.count if checksum else None
    fitting = [each for each in sizes if each and count in {None, -(-size // each)}]
    chosen = fitting[0] if fitting else sizes[-1]
    return Expected(
        size=size,
        etag=found["etag"],
        checksum=checksum,
        part_size=chosen,
        is_certain=is_kept and chosen == sizes[0],
    )
