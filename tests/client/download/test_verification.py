"""What a download is compared with."""

from pathlib import Path

import pytest

from presign_client import PresignError
from presign_client.checksums import composite, digest_of
from presign_client.transfers.expected import expected
from presign_client.transfers.plan import MIB, part_size_of
from tests.client.fake import Fake
from tests.client.transferring import CONTENT, download, put_two_parts, received

FLIPPED = b"\xff" + CONTENT[1:]


@pytest.mark.parametrize("part_size", [None, 5 * MIB])
def test_a_flipped_byte_of_a_part_is_found(
    fake: Fake, kind: str, target: Path, tmp_path: Path, part_size: int | None
) -> None:
    fake.objects["a.csv"] = put_two_parts(fake, tmp_path)[:-1] + b"\xff"

    with pytest.raises(PresignError, match="checksum_mismatch"):
        received(fake, kind, target, part_size=part_size)

    assert not target.exists()
    assert not list(target.parent.glob(".presign-*"))


def test_a_flipped_byte_of_a_whole_object_is_found(fake: Fake, kind: str, target: Path) -> None:
    fake.put("a.csv", CONTENT)
    fake.objects["a.csv"] = FLIPPED

    with pytest.raises(PresignError, match="checksum_mismatch"):
        received(fake, kind, target)


@pytest.mark.parametrize("part_size", [None, 5 * MIB, 2 * MIB])
def test_the_kept_part_size_is_for_the_checksum_alone(
    fake: Fake, kind: str, target: Path, tmp_path: Path, part_size: int | None
) -> None:
    stored = put_two_parts(fake, tmp_path)

    content, done = received(fake, kind, target, part_size=part_size)

    assert content == stored
    assert done.verified
    wanted = -(-len(stored) // (part_size or 8 * MIB))
    assert len(fake.sent_to_the_store("GET")) == wanted


def test_a_composite_without_a_number_is_verified(
    fake: Fake, kind: str, target: Path, tmp_path: Path
) -> None:
    put_two_parts(fake, tmp_path)
    value = fake.checksums["a.csv"]["SHA256"]
    fake.checksums["a.csv"]["SHA256"] = value.partition("-")[0]

    assert received(fake, kind, target, part_size=None)[1].verified


@pytest.mark.parametrize("kept", ["1", "5"])
def test_a_made_up_part_size_makes_no_more_requests(
    fake: Fake, kind: str, target: Path, kept: str
) -> None:
    fake.metadata["a.csv"] = {"presign-part-size": kept}

    content, _ = received(fake, kind, target, part_size=None)

    assert content == CONTENT
    assert len(fake.sent_to_the_store("GET")) == 1


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        (30 * MIB, "1"),
        (30 * MIB, "0"),
        (30 * MIB, "-8388608"),
        (30 * MIB, f"{5 * MIB - 1}"),
        (50_000 * MIB + 1, f"{5 * MIB}"),  # more than 10,000 parts
        (2**43, f"{5 * 2**30 + 1}"),
        (30 * MIB, "9" * 5000),
        (30 * MIB, "\u0668" * 7),
        (30 * MIB, ""),
    ],
)
def test_a_part_size_that_s3_does_not_allow_is_ignored(size: int, kept: str) -> None:
    found = {"content_length": size, "etag": "e", "metadata": {"presign-part-size": kept}}

    wanted = expected(found, None)

    assert wanted.part_size == wanted.range_size == part_size_of(size)
    assert not wanted.is_certain


@pytest.mark.parametrize(
    ("size", "kept"), [(50_000 * MIB, 5 * MIB), (6 * MIB, 5 * MIB), (2**43, 5 * 2**30)]
)
def test_a_part_size_that_s3_allows_is_compared_with(size: int, kept: int) -> None:
    found = {"content_length": size, "etag": "e", "metadata": {"presign-part-size": str(kept)}}

    wanted = expected(found, None)

    assert (wanted.part_size, wanted.is_certain) == (kept, True)
    assert wanted.range_size == part_size_of(size)


def test_a_whole_checksum_is_verified(fake: Fake, kind: str, target: Path) -> None:
    fake.put("a.csv", CONTENT)

    assert received(fake, kind, target)[1].verified


def test_a_composite_of_unknown_parts_proves_nothing(fake: Fake, kind: str, target: Path) -> None:
    content, done = received(fake, kind, target, part_size=None)

    assert content == CONTENT
    assert not done.verified


def test_the_part_size_of_a_stranger_can_be_given(fake: Fake, target: Path) -> None:
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
