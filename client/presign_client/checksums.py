"""The checksums that S3 keeps: of bytes, of parts, and of an object that was made of parts."""

import hashlib
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol


class Digest(Protocol):
    """A running checksum."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _crc32c() -> Digest:
    try:
        library: Any = import_module("google_crc32c")
    except ImportError:
        raise ValueError(
            "CRC32C needs a package: pip install 'presign-client[crc32c]'. SHA256 does not."
        ) from None
    digest: Digest = library.Checksum()
    return digest


ALGORITHMS = ("SHA256", "SHA1", "CRC32", "CRC32C")  # the strongest first
_DIGESTS: Mapping[str, Callable[[], Digest]] = {
    "SHA256": lambda: hashlib.sha256(usedforsecurity=False),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "CRC32": _Crc32,
    "CRC32C": _crc32c,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),  # of a part's ETag
}
_OF_PARTS = frozenset({"SHA256", "SHA1"})  # S3 makes the others of all bytes, unless asked


def new_digest(algorithm: str) -> Digest:
    """Return an empty checksum of one of `ALGORITHMS`, or MD5.

    Raises:
        ValueError: if the algorithm is unknown, or needs a package that is missing.

    """
    if algorithm not in _DIGESTS:
        raise ValueError(f"A checksum is one of {', '.join(ALGORITHMS)}.")
    return _DIGESTS[algorithm]()


def digest_of(chunks: Iterable[bytes], algorithm: str) -> bytes:
    digest = new_digest(algorithm)
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


class PartDigests:
    """The checksums of the parts of bytes that come in order."""

    def __init__(self, algorithm: str, part_size: int) -> None:
        self._algorithm, self._part_size = algorithm, part_size
        self._left = 0  # bytes of the current part
        self._digests: list[Digest] = []

    def update(self, data: bytes) -> None:
        while data:
            if not self._left:
                self._digests.append(new_digest(self._algorithm))
                self._left = self._part_size
            taken, data = data[: self._left], data[self._left :]
            self._digests[-1].update(taken)
            self._left -= len(taken)

    def digests(self) -> list[bytes]:
        return [digest.digest() for digest in self._digests]


def encoded(digest: bytes) -> str:
    return b64encode(digest).decode()


def composite(digests: Iterable[bytes], algorithm: str) -> str:
    """Return the checksum of an object by those of its parts, without their number."""
    return encoded(digest_of([b"".join(digests)], algorithm))


@dataclass(frozen=True, slots=True)
class ObjectChecksum:
    """An object's checksum. With a `count`, it is made of the checksums of so many parts."""

    algorithm: str
    value: str
    count: int | None

    @property
    def may_be_of_parts(self) -> bool:
        """Whether it can be made of parts' checksums: moto leaves out their number."""
        return self.count is not None or self.algorithm in _OF_PARTS


def strongest(checksums: Mapping[str, str]) -> ObjectChecksum | None:
    """Return the strongest of an object's checksums that can be computed here, or None."""
    for algorithm in ALGORITHMS:
        value, _, count = checksums.get(algorithm, "").partition("-")
        if value and _is_available(algorithm):
            return ObjectChecksum(algorithm, value, int(count) if count.isdigit() else None)
    return None


def _is_available(algorithm: str) -> bool:
    try:
        new_digest(algorithm)
    except ValueError:
        return False
    return True
