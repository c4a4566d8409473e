"""The hidden file of a download, in a directory where others may write."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from presign_client.transfers.partial_file import PartialFile
from tests.client.fake import Fake
from tests.client.transferring import CONTENT, download, interrupted

PRECIOUS = b"p" * len(CONTENT)  # as long as the object


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """Another file of the user."""
    path = tmp_path / "precious"
    path.write_bytes(PRECIOUS)
    return path


def hidden(target: Path) -> Path:
    return PartialFile(target).path


@pytest.mark.parametrize("plant", [os.symlink, os.link])
@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_planted_link_leads_to_no_other_file(
    fake: Fake, target: Path, precious: Path, plant: Callable[..., None], *, is_resumed: bool
) -> None:
    if is_resumed:
        interrupted(fake, download, target)
        hidden(target).unlink()
    plant(precious, hidden(target))

    download(fake, target)

    assert precious.read_bytes() == PRECIOUS
    assert target.read_bytes() == CONTENT
    assert not target.is_symlink()
    assert target.stat().st_ino != precious.stat().st_ino


def test_a_planted_pipe_is_replaced(fake: Fake, target: Path) -> None:
    os.mkfifo(hidden(target))
    assert not PartialFile(target).reopen(0)  # a pipe has no bytes

    download(fake, target)

    assert target.read_bytes() == CONTENT


def test_a_file_of_another_user_is_replaced(
    fake: Fake, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(fake, download, target)
    theirs = hidden(target).stat()
    monkeypatch.setattr(os, "getuid", lambda: theirs.st_uid + 1)

    with hidden(target).open("rb"):  # so that its number is not used again
        download(fake, target)

    assert target.stat().st_ino != theirs.st_ino
    assert len(fake.sent_to_the_store("GET")) == 5


@pytest.mark.parametrize("is_resumed", [False, True])
def test_until_the_end_the_file_is_its_users_alone(
    fake: Fake, target: Path, *, is_resumed: bool
) -> None:
    seen: set[int] = set()

    def look(done: int, _: int | None) -> None:
        if done:
            seen.add(stat.S_IMODE(hidden(target).stat().st_mode))

    mask = os.umask(0o027)
    try:
        if is_resumed:
            interrupted(fake, download, target)
        download(fake, target, on_progress=look)
    finally:
        os.umask(mask)

    assert seen == {0o600}
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@contextmanager
def full_after_ten_bytes() -> Iterator[None]:
    write = PartialFile.write

    def fail(file: PartialFile, start: int, chunk: bytes) -> None:
        if start >= 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, start, chunk)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartialFile, "write", fail)
        yield


def test_a_full_disk_says_what_is_kept_and_missing(fake: Fake, target: Path) -> None:
    with full_after_ten_bytes(), pytest.raises(OSError, match="13 of 23 bytes are missing") as full:
        download(fake, target, parallel=1)

    assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(hidden(target)))
    assert hidden(target).read_bytes()[:10] == CONTENT[:10]


def test_a_download_resumes_when_the_disk_has_space(fake: Fake, target: Path) -> None:
    with full_after_ten_bytes(), pytest.raises(OSError, match="No space left"):
        download(fake, target, parallel=1)
    fake.requests.clear()

    download(fake, target)

    assert target.read_bytes() == CONTENT
    assert len(fake.sent_to_the_store("GET")) == 3


def test_bytes_are_written_where_the_system_has_no_pwrite(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.pwrite")  # as on Windows
    with PartialFile(target) as partial:
        partial.create(4)
        partial.write(2, b"cd")
        partial.write(0, b"ab")
        assert list(partial.chunks(0, 4)) == [b"abcd"]


def test_threads_may_write_after_ctrl_c(target: Path) -> None:
    partial = PartialFile(target)
    with suppress(KeyboardInterrupt), partial:
        partial.create(2)
        raise KeyboardInterrupt
    partial.write(0, b"ab")  # not to a file that was opened since, with the same number
    assert partial.path.read_bytes() == b"ab"
    partial.remove()
