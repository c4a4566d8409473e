"""Uploads of files, in one request and in parts."""

import os
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from presign_client import PresignError
from presign_client.transfers.plan import part_size_of
from tests.client.failing import fails
from tests.client.fake import Fake, problem, s3_error
from tests.client.transferring import CONTENT, upload

MIB = 2**20


def test_a_small_file_is_one_request(fake: Fake, file: Path) -> None:
    done = upload(fake, file, part_size=23)

    assert fake.objects == {"a.csv": CONTENT}
    assert (done.size, done.skipped) == (23, False)
    assert fake.paths() == ["POST upload-urls"]


def test_an_empty_file_is_one_request(fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    upload(fake, tmp_path / "empty")

    assert fake.objects == {"a.csv": b""}


def test_a_large_file_goes_up_in_parts(fake: Fake, file: Path) -> None:
    done = upload(fake, file)

    assert fake.objects == {"a.csv": CONTENT}
    assert done.size == 23
    assert len(fake.sent_to_the_store("PUT")) == 5


def test_the_type_follows_from_the_key(fake: Fake, file: Path) -> None:
    upload(fake, file, "b.png")

    assert fake.created["content_type"] == "image/png"


def test_a_given_type_is_sent(fake: Fake, file: Path) -> None:
    upload(fake, file, content_type="text/plain")

    assert fake.created["content_type"] == "text/plain"


def test_the_part_size_is_kept_in_the_metadata(fake: Fake, file: Path) -> None:
    upload(fake, file, metadata={"author": "ann"})

    assert fake.metadata["a.csv"] == {"author": "ann", "presign-part-size": "5"}


@pytest.mark.parametrize("part_size", [5, 100])
def test_an_existing_object_is_not_replaced(fake: Fake, file: Path, part_size: int) -> None:
    fake.put("a.csv", b"before")

    with pytest.raises(PresignError, match="object_exists"):
        upload(fake, file, part_size=part_size)

    assert fake.objects == {"a.csv": b"before"}


@pytest.mark.parametrize("part_size", [5, 100])
def test_an_existing_object_is_replaced_on_request(fake: Fake, file: Path, part_size: int) -> None:
    fake.put("a.csv", b"before")

    upload(fake, file, part_size=part_size, overwrite=True)

    assert fake.objects == {"a.csv": CONTENT}


def test_an_existing_object_costs_no_bytes(fake: Fake, file: Path) -> None:
    fake.put("a.csv", b"before")

    with pytest.raises(PresignError):
        upload(fake, file)

    assert fake.sent_to_the_store("PUT") == []


def test_a_lost_answer_to_a_create_only_put_is_no_conflict(fake: Fake, file: Path) -> None:
    def lose(request: httpx.Request) -> None:
        if request.url.host == "store.test":
            fake.before = None
            fake.put("a.csv", request.content)
            raise httpx.ReadError("lost")

    fake.before = lose

    upload(fake, file, part_size=100)

    assert fake.objects == {"a.csv": CONTENT}
    assert len(fake.sent_to_the_store("PUT")) == 2


def test_a_conflict_after_a_lost_answer_is_one_if_the_bytes_differ(fake: Fake, file: Path) -> None:
    fake.put("a.csv", b"of somebody else")
    fails(1, httpx.ReadError("lost"), fake, "store.test")

    with pytest.raises(PresignError, match="object_exists"):
        upload(fake, file, part_size=100)


def test_a_part_that_fails_is_signed_and_sent_again(fake: Fake, file: Path) -> None:
    fails(1, s3_error(503, "SlowDown"), fake, "store.test")

    upload(fake, file)

    assert fake.objects == {"a.csv": CONTENT}
    assert fake.paths().count("POST multipart-uploads/upload-1/part-urls") == 6


def test_a_creation_is_not_repeated(fake: Fake, file: Path) -> None:
    fails(1, problem(503, "overloaded"), fake, "/v1/multipart-uploads")

    with pytest.raises(PresignError, match="overloaded"):
        upload(fake, file)

    assert fake.paths().count("POST multipart-uploads") == 1


def test_a_completion_is_repeated(fake: Fake, file: Path) -> None:
    fails(1, problem(504, "storage_unavailable"), fake, "/complete")

    upload(fake, file)

    assert fake.objects == {"a.csv": CONTENT}


@pytest.mark.parametrize("part_size", [5, 100])
def test_a_file_that_changes_during_the_upload_is_reported(
    fake: Fake, file: Path, part_size: int
) -> None:
    def change(done: int, _: int | None) -> None:
        if done:
            os.utime(file, (0, 0))

    with pytest.raises(PresignError, match="source_changed"):
        upload(fake, file, part_size=part_size, on_progress=change)


def test_a_file_that_shrinks_during_the_upload_is_reported(fake: Fake, file: Path) -> None:
    def shrink(request: httpx.Request) -> None:
        if request.url.path.endswith("part-urls"):
            file.write_bytes(b"")

    fake.before = shrink

    with pytest.raises(PresignError, match="source_changed"):
        upload(fake, file, parallel=1)


def test_a_directory_is_no_file(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        upload(fake, tmp_path)


def test_without_multipart_a_large_file_is_one_request(fake: Fake, file: Path) -> None:
    fake.denied = {"multipart-uploads"}

    upload(fake, file)

    assert fake.objects == {"a.csv": CONTENT}
    assert len(fake.sent_to_the_store("PUT")) == 1


def test_without_check_an_upload_works(fake: Fake, file: Path) -> None:
    fake.denied = {"object-checks"}

    upload(fake, file)

    assert fake.objects == {"a.csv": CONTENT}


def test_an_object_that_differs_at_the_end_is_an_error(fake: Fake, file: Path) -> None:
    def spoil(request: httpx.Request) -> None:
        if request.url.path.endswith("/object-checks") and "a.csv" in fake.checksums:
            fake.checksums["a.csv"] = {"SHA256": "another-5"}

    fake.before = spoil

    with pytest.raises(PresignError, match="checksum_mismatch"):
        upload(fake, file)


def test_progress_ends_with_all_bytes(fake: Fake, file: Path) -> None:
    fails(1, s3_error(503, "SlowDown"), fake, "store.test")
    shown: list[tuple[int, int | None]] = []

    upload(fake, file, on_progress=lambda *both: shown.append(both))

    assert shown[-1] == (23, 23)


def test_progress_that_raises_ends_the_upload(fake: Fake, file: Path) -> None:
    def fail(*_: object) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        upload(fake, file, on_progress=fail)


@pytest.mark.parametrize("checksum", ["SHA1", "CRC32", "CRC32C"])
def test_other_checksums_are_possible(fake: Fake, file: Path, checksum: str) -> None:
    upload(fake, file, checksum=checksum)

    assert fake.created["checksum_algorithm"] == checksum
    assert fake.objects == {"a.csv": CONTENT}


def test_an_unknown_checksum_is_refused(fake: Fake, file: Path) -> None:
    with pytest.raises(ValueError, match="SHA256, SHA1, CRC32"):
        upload(fake, file, checksum="MD4")


@pytest.mark.parametrize("part_size", [0, -1])
def test_a_part_without_bytes_is_refused(fake: Fake, file: Path, part_size: int) -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        upload(fake, file, part_size=part_size)
    with pytest.raises(ValueError, match="at least one byte"):
        upload(fake, BytesIO(CONTENT), part_size=part_size)


@pytest.mark.parametrize(
    ("size", "part_size"),
    [(1, 8), (1000 * 8 * MIB, 8), (50 * 2**30, 52), (100 * 2**30, 64), (2**40, 105)],
)
def test_the_part_size_is_the_services_own(size: int, part_size: int) -> None:
    assert part_size_of(size) == part_size * MIB
