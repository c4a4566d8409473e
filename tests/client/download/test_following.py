"""The checksum of a file while it is filled."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from presign_client import PresignError
from presign_client.transfers.following import Following
from presign_client.transfers.plan import Part, parts_of
from tests.client.fake import Fake
from tests.client.transferring import CONTENT, download, interrupted

PARTS = list(parts_of(len(CONTENT), 5))


def bytes_of(part: Part) -> Iterator[bytes]:
    yield CONTENT[part.start : part.start + part.length]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 0, 4, 2, 3]])
def test_parts_may_come_in_any_order(order: list[int]) -> None:
    with Following("SHA256", bytes_of) as following:
        for index in order:
            following.filled(PARTS[index])

        assert following.digest() == hashlib.sha256(CONTENT).digest()


def test_a_part_is_read_before_the_next_one_is_there() -> None:
    was_read = Event()

    def read(part: Part) -> Iterator[bytes]:
        was_read.set()
        return bytes_of(part)

    with Following("SHA256", read) as following:
        following.filled(PARTS[1])
        assert not was_read.wait(0.05)
        following.filled(PARTS[0])
        assert was_read.wait(60)


def test_a_file_that_cannot_be_read_is_an_error() -> None:
    def read(_: Part) -> Iterator[bytes]:
        raise OSError("the disk")

    with Following("SHA256", read) as following:
        following.filled(PARTS[0])
        with pytest.raises(OSError, match="the disk"):
            following.digest()


def test_a_checksum_of_all_bytes_is_compared_after_a_resumption(fake: Fake, target: Path) -> None:
    fake.put("a.csv", CONTENT)
    interrupted(fake, download, target)

    assert download(fake, target).verified


@pytest.mark.parametrize(
    ("algorithm", "value"), [("SHA256", "A" * 43 + "="), ("CRC32", "AAAAAA==")]
)
def test_another_checksum_of_all_bytes_is_found(
    fake: Fake, target: Path, algorithm: str, value: str
) -> None:
    fake.put("a.csv", CONTENT)
    fake.checksums["a.csv"] = {algorithm: value}

    with pytest.raises(PresignError, match="checksum_mismatch"):
        download(fake, target)
