"""What a transfer is to do, and how an object is divided into parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from presign_client.transfers.pace import PARALLEL

MIB = 2**20
PART_SIZE = 8 * MIB
LARGE_PART_SIZE = 64 * MIB
MIN_PART_SIZE = 5 * MIB  # S3 takes a smaller one only as the last
SINGLE_PUT = 5 * 2**30  # S3 takes no more in one request
PARTS = 10_000
PART_SIZE_METADATA = "presign-part-size"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOptions:
    """How to upload. `checksum` is one of `checksums.ALGORITHMS`."""

    content_type: str | None = None
    overwrite: bool = False
    part_size: int | None = None
    parallel: int = PARALLEL
    checksum: str = "SHA256"
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """Part `number`, from 1: `length` bytes from `start`."""

    number: int
    start: int
    length: int


def check_part_size(part_size: int | None) -> None:
    """Raise ValueError if there are no such parts. None is the usual size."""
    if part_size is not None and part_size < 1:
        raise ValueError("A part has at least one byte.")


def part_size_of(size: int) -> int:
    """Return the service's own choice: about a thousand parts, of 8 MiB to 64 MiB if possible."""
    least = -(-size // PARTS)
    wanted = min(max(-(-size // 1000), PART_SIZE), max(least, LARGE_PART_SIZE))
    return -(-wanted // MIB) * MIB


def parts_of(size: int, part_size: int) -> Iterator[Part]:
    for number, start in enumerate(range(0, size, part_size), 1):
        yield Part(number, start, min(part_size, size - start))


def type_of(name: str) -> str | None:
    """Return the content type for the name's suffix."""
    import mimetypes  # noqa: PLC0415 - only uploads need it, and each help imports this module

    kind, encoding = mimetypes.guess_type(name)
    return None if encoding else kind
