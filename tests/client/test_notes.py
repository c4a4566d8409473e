"""Notes of transfers that were not begun, at the same time, and in a directory that is full."""

import fcntl
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from presign_client import PresignError
from presign_client.notes import Note
from tests.client.fake import Fake
from tests.client.transferring import CONTENT, download, upload


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The system refuses what is larger, as it does on a full disk."""
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))


def test_a_note_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with (
        no_file_above(10),
        pytest.raises(OSError, match="File too large") as refused,
        Note(tmp_path, "a") as note,
    ):
        note.write({"etag": "a long one"})

    [kept] = tmp_path.iterdir()
    assert refused.value.filename == str(kept)


def test_a_transfer_that_was_not_begun_leaves_no_note(
    fake: Fake, tmp_path: Path, state: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)

    with pytest.raises(PresignError, match="not_found"):
        download(fake, tmp_path / "target")
    fake.put("a.csv", b"before")
    with pytest.raises(PresignError, match="object_exists"):
        upload(fake, source)

    assert list(state.iterdir()) == []


def test_an_upload_whose_note_cannot_be_written_is_aborted(fake: Fake, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)

    with no_file_above(10), pytest.raises(OSError, match="File too large"):
        upload(fake, source)

    assert "DELETE multipart-uploads/upload-1" in fake.paths()
    assert fake.uploads == {}


def test_a_note_that_cannot_be_removed_is_empty(
    fake: Fake, tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError

    fake.put("a.csv", CONTENT)
    monkeypatch.setattr(Path, "unlink", refuse)

    download(fake, tmp_path / "target")

    assert [note.read_bytes() for note in state.iterdir()] == [b""]


def test_a_note_is_removed_where_no_open_file_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""
    unlink = Path.unlink

    def remove(path: Path) -> None:
        if not note._file.closed:
            raise PermissionError
        unlink(path)

    monkeypatch.setattr("presign_client.notes.HAS_LOCKS", False)
    monkeypatch.setattr(Path, "unlink", remove)

    with Note(tmp_path, "a") as note:
        note.write({"size": 1})
        note.forget()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_there_again", [False, True])
def test_a_note_that_is_removed_before_its_lock_is_in_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there_again: bool
) -> None:
    """Two processes with a lock of their own would transfer the same file."""
    flock = fcntl.flock

    def remove(file: int, operation: int) -> None:
        [path] = tmp_path.iterdir()
        path.unlink()
        if is_there_again:
            path.touch()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", remove)

    with pytest.raises(PresignError, match="in_progress"):
        Note(tmp_path, "a")
