"""Downloads to files and streams, by ranges."""

import os
import stat
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any

import httpx
import pytest

from presign_client import PresignError
from tests.client.failing import fails
from tests.client.fake import Fake, etag, problem
from tests.client.transferring import CONTENT, download, received

FLIPPED = b"\xff" + CONTENT[1:]


def test_an_object_arrives_by_ranges_and_is_verified(fake: Fake, kind: str, target: Path) -> None:
    content, done = received(fake, kind, target)

    assert content == CONTENT
    assert (done.size, done.verified) == (23, True)
    assert len(fake.sent_to_the_store("GET")) == 5
    assert fake.paths() == ["POST object-checks", "POST download-urls"]


def test_an_empty_object_is_an_empty_file(fake: Fake, kind: str, target: Path) -> None:
    fake.put("a.csv", b"")

    assert received(fake, kind, target)[0] == b""


def test_without_check_an_empty_object_arrives(fake: Fake, kind: str, target: Path) -> None:
    fake.denied = {"object-checks"}
    fake.put("a.csv", b"")

    assert received(fake, kind, target)[0] == b""


@pytest.mark.parametrize("denied", [set(), {"object-checks"}])
def test_a_missing_object_leaves_no_file(fake: Fake, target: Path, denied: set[str]) -> None:
    fake.denied = denied
    fake.objects.clear()

    with pytest.raises(PresignError, match="not_found"):
        download(fake, target)

    assert not target.exists()


def test_a_file_has_the_rights_of_a_new_file(fake: Fake, target: Path) -> None:
    mask = os.umask(0o027)
    try:
        download(fake, target)
    finally:
        os.umask(mask)

    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_an_existing_file_is_replaced_at_the_end(fake: Fake, target: Path) -> None:
    target.write_bytes(b"before")
    fake.put("a.csv", CONTENT)
    fake.objects["a.csv"] = FLIPPED
    with pytest.raises(PresignError):
        download(fake, target)
    assert target.read_bytes() == b"before"

    fake.objects["a.csv"] = CONTENT
    download(fake, target)

    assert target.read_bytes() == CONTENT


def test_a_link_stays_one(fake: Fake, target: Path) -> None:
    target.symlink_to(target.with_name("real"))

    download(fake, target)

    assert target.is_symlink()
    assert target.with_name("real").read_bytes() == CONTENT


def test_a_device_is_written_to(fake: Fake) -> None:
    assert download(fake, "/dev/null").verified
    assert Path("/dev/null").is_char_device()


def test_a_directory_is_no_target(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        download(fake, tmp_path)


def test_two_downloads_to_one_file_do_not_mix(fake: Fake, target: Path) -> None:
    def again(*_: object) -> None:
        download(fake, target)

    with pytest.raises(PresignError, match="in_progress"):
        download(fake, target, on_progress=again)


def test_an_object_that_is_replaced_meanwhile_is_an_error(fake: Fake, target: Path) -> None:
    def replace(request: httpx.Request) -> None:
        if request.headers.get("range", "").startswith("bytes=10"):
            fake.put("a.csv", CONTENT[::-1])

    fake.before = replace

    with pytest.raises(PresignError, match="source_changed"):
        download(fake, target)


def test_a_store_without_ranges_is_refused(fake: Fake, target: Path) -> None:
    whole = httpx.Response(200, headers={"etag": etag(CONTENT)}, content=CONTENT)
    fails(1, whole, fake, "store.test")

    with pytest.raises(PresignError, match="did not send the range"):
        download(fake, target, parallel=1)


@pytest.mark.parametrize("part_size", [0, -1])
def test_a_part_without_bytes_is_refused(
    fake: Fake, kind: str, target: Path, part_size: int
) -> None:
    fake.checksums.clear()  # with one the bytes that are missing would be found

    with pytest.raises(ValueError, match="at least one byte"):
        received(fake, kind, target, part_size=part_size)

    assert not target.exists()


def test_a_refusal_of_the_service_is_the_error(fake: Fake, target: Path) -> None:
    fails(1, problem(403, "forbidden"), fake, "download-urls")

    with pytest.raises(PresignError, match="forbidden"):
        download(fake, target)


def test_a_full_disk_is_an_error_of_the_system(fake: Fake) -> None:
    with pytest.raises(OSError, match="No space left"):
        download(fake, "/dev/full")


class Raw(RawIOBase):
    """Takes at most three bytes at a time, and `most` in all."""

    def __init__(self, most: int) -> None:
        self.most, self.taken = most, b""

    def write(self, data: Any) -> int | None:
        piece = bytes(data[: min(3, self.most - len(self.taken))])
        self.taken += piece
        return len(piece) or None


def test_a_stream_that_takes_few_bytes_at_a_time_gets_all(fake: Fake) -> None:
    stream = Raw(len(CONTENT))

    assert download(fake, stream).verified
    assert stream.taken == CONTENT


def test_a_stream_that_takes_no_more_now_is_an_error(fake: Fake) -> None:
    with pytest.raises(BlockingIOError):
        download(fake, Raw(10))


def test_a_count_of_compressed_bytes_is_no_loss(fake: Fake) -> None:
    """One that compresses may return how many bytes it has sent on."""

    class Compresses(BytesIO):
        def write(self, data: Any) -> int:
            return min(1, super().write(data))

    stream = Compresses()
    download(fake, stream)

    assert stream.getvalue() == CONTENT
