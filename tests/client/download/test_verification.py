"""What a download is compared with."""

from pathlib import Path

import pytest

from presign_client import PresignError
from presign_client.checksums import composite, digest_of
from presign_client.transfers.expected import expected
from presign_client.transfers.plan import MIB
from tests.client.fake import Fake
from tests.client.transferring import CONTENT, download, received

FLIPPED = b"\xff" + CONTENT[1:]


def test_a_flipped_byte_of_a_part_is_found(fake: Fake, kind: str, target: Path) -> None:
    fake.objects["a.csv"] = FLIPPED

    with pytest.raises(PresignError, match="checksum_mismatch"):
        received(fake, kind, target)

    assert not target.exists()
    assert not list(target.parent.glob(".presign-*"))


def test_a_flipped_byte_of_a_whole_object_is_found(fake: Fake, kind: str, target: Path) -> None:
    fake.put("a.csv", CONTENT)
    fake.objects["a.csv"] = FLIPPED

    with pytest.raises(PresignError, match="checksum_mismatch"):
        received(fake, kind, target)


def test_a_composite_without_a_number_is_verified(fake: Fake, kind: str, target: Path) -> None:
    value = fake.checksums["a.csv"]["SHA256"]
    fake.checksums["a.csv"]["SHA256"] = value.partition("-")[0]

    assert received(fake, kind, target)[1].verified


def test_a_whole_checksum_is_verified(fake: Fake, kind: str, target: Path) -> None:
    fake.put("a.csv", CONTENT)

    assert received(fake, kind, target)[1].verified


def test_a_composite_of_unknown_parts_proves_nothing(fake: Fake, kind: str, target: Path) -> None:
    fake.metadata.clear()

    content, done = received(fake, kind, target)

    assert content == CONTENT
    assert not done.verified


def test_the_part_size_of_a_stranger_can_be_given(fake: Fake, target: Path) -> None:
    fake.metadata.clear()

    assert download(fake, target, part_size=5).verified


def test_an_unknown_checksum_proves_nothing(fake: Fake, target: Path) -> None:
    fake.checksums["a.csv"] = {"CRC64NVME": "rosUhgp5mIg="}

    assert not download(fake, target).verified


@pytest.mark.parametrize("algorithm", ["SHA1", "CRC32"])
def test_other_checksums_are_verified(fake: Fake, target: Path, algorithm: str) -> None:
    digests = [digest_of([CONTENT[n : n + 5]], algorithm) for n in range(0, 23, 5)]
    fake.checksums["a.csv"] = {algorithm: f"{composite(digests, algorithm)}-5"}

    assert download(fake, target).verified


def test_without_check_the_object_is_not_verified(fake: Fake, kind: str, target: Path) -> None:
    fake.denied = {"object-checks"}

    content, done = received(fake, kind, target)

    assert content == CONTENT
    assert (done.size, done.verified) == (23, False)


@pytest.mark.parametrize(
    ("count", "size", "part_size"),
    [(3, 24 * MIB, 8), (4, 20 * MIB, 5), (2, 24 * MIB, 16), (13, 100 * MIB, 8), (2, 99 * MIB, 64)],
)
def test_usual_part_sizes_are_tried_by_the_number_of_parts(
    count: int, size: int, part_size: int
) -> None:
    found = {"content_length": size, "etag": "e", "checksums": {"SHA256": f"a-{count}"}}

    assert expected(found, None).part_size == part_size * MIB
