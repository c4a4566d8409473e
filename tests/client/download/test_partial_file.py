"""The hidden file of a download, in a directory where others may write."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from presign_client.notes import Note
from presign_client.transfers.download import DownloadJob, download_file
from presign_client.transfers.links import look
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
    [path] = target.parent.glob(".presign-*")
    return path


@pytest.mark.parametrize("plant", [os.symlink, os.link])
def test_a_planted_link_leads_to_no_other_file(
    fake: Fake, target: Path, precious: Path, plant: Callable[..., None]
) -> None:
    interrupted(fake, download, target)
    path = hidden(target)
    path.unlink()
    plant(precious, path)

    download(fake, target)

    assert precious.read_bytes() == PRECIOUS
    assert target.read_bytes() == CONTENT
    assert not target.is_symlink()
    assert target.stat().st_ino != precious.stat().st_ino


def test_a_planted_pipe_is_replaced(fake: Fake, target: Path) -> None:
    interrupted(fake, download, target)
    path = hidden(target)
    path.unlink()
    os.mkfifo(path)
    assert not PartialFile(target, path.name.removeprefix(".presign-")).reopen(0)  # has no bytes

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


@pytest.fixture
def no_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system keeps no rights of files, as a drive of Windows in WSL."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)


@pytest.mark.usefixtures("no_rights")
def test_a_file_arrives_where_rights_cannot_be_set(fake: Fake, target: Path) -> None:
    interrupted(fake, download, target)

    download(fake, target)

    assert target.read_bytes() == CONTENT
    assert len(fake.sent_to_the_store("GET")) == 3
    assert not list(target.parent.glob(".presign-*"))


@pytest.mark.usefixtures("no_rights")
def test_a_folder_arrives_where_rights_cannot_be_set(fake: Fake, tmp_path: Path) -> None:
    with fake.client() as client:
        done = client.download_folder("reports", "", tmp_path / "folder")

    assert not done.failed
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a.csv"]


def test_the_name_of_the_hidden_file_is_another_each_time(fake: Fake, target: Path) -> None:
    names = set()
    for _ in range(2):
        interrupted(fake, download, target)
        names.add(hidden(target).name)
        download(fake, target)
        fake.requests.clear()

    assert len(names) == 2


@pytest.mark.parametrize("size", [3, len(CONTENT)])
def test_a_file_that_took_the_hidden_name_is_not_renamed(
    fake: Fake, target: Path, size: int
) -> None:
    planted = b"m" * size

    def plant(done: int, _: int | None) -> None:
        if done == len(CONTENT):
            other = target.with_name("other")
            other.write_bytes(planted)
            other.replace(hidden(target))

    with pytest.raises(OSError, match="Another program replaced this file"):
        download(fake, target, on_progress=plant)
    assert not target.exists()

    assert download(fake, target).verified
    assert target.read_bytes() == CONTENT
    assert hidden(target).read_bytes() == planted  # which is not ours to remove


def test_a_download_of_another_object_removes_the_hidden_file(fake: Fake, target: Path) -> None:
    interrupted(fake, download, target)
    fake.put("b.csv", b"another object")

    with fake.client() as client:
        client.download("reports", "b.csv", target)

    assert target.read_bytes() == b"another object"
    assert not list(target.parent.glob(".presign-*"))


def test_a_kill_while_the_hidden_file_is_made_leaves_none_for_good(
    fake: Fake, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (target.parent / "usual").touch()
    fake.put("a.csv", CONTENT)
    create = PartialFile.create

    def killed(file: PartialFile, size: int) -> int:
        create(file, size)
        raise OSError(errno.EIO, "killed")  # which leaves what a kill leaves

    with monkeypatch.context() as patch:
        patch.setattr(PartialFile, "create", killed)
        with pytest.raises(OSError, match="killed"):
            download(fake, target)
    assert hidden(target).exists()

    download(fake, target)

    assert target.read_bytes() == CONTENT
    assert target.stat().st_mode == (target.parent / "usual").stat().st_mode
    assert not list(target.parent.glob(".presign-*"))


def test_another_object_with_the_same_etag_is_read_whole(fake: Fake, target: Path) -> None:
    interrupted(fake, download, target)
    fake.put("b.csv", CONTENT)

    with fake.client() as client:
        client.download("reports", "b.csv", target, part_size=5)

    assert len(fake.sent_to_the_store("GET")) == 5


def test_what_no_later_run_can_resume_leaves_no_hidden_file(
    fake: Fake, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)

    interrupted(fake, download, target)

    assert not list(target.parent.glob(".presign-*"))


@pytest.mark.parametrize("token", ["", "../precious", "/etc/passwd", 7, None])
def test_a_damaged_note_names_no_file(target: Path, precious: Path, token: object) -> None:
    with PartialFile(target, token) as partial:
        assert not partial.reopen(len(PRECIOUS))
        partial.renew()
        partial.create(0)
        partial.remove()

    assert list(target.parent.iterdir()) == [precious]


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


def test_a_full_state_directory_is_named_and_not_the_hidden_file(
    fake: Fake, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(note: Note, number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "a note")

    monkeypatch.setattr(Note, "add", fail)

    with pytest.raises(OSError, match="No space left on device: 'a note'"):
        download(fake, target)


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
        partial.renew()
        partial.create(4)
        partial.write(2, b"cd")
        partial.write(0, b"ab")
        assert list(partial.chunks(0, 4)) == [b"abcd"]


def test_threads_may_write_after_ctrl_c(target: Path) -> None:
    partial = PartialFile(target)
    with suppress(KeyboardInterrupt), partial:
        partial.renew()
        partial.create(2)
        raise KeyboardInterrupt
    partial.write(0, b"ab")  # not to a file that was opened since, with the same number
    assert partial.path.read_bytes() == b"ab"
    partial.remove()


def test_a_target_below_a_directory_leads_to_no_other_one(fake: Fake, tmp_path: Path) -> None:
    """A link that came after the folder's own look at the path."""
    for name in ("folder", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "folder/b").symlink_to(tmp_path / "elsewhere")
    with fake.client() as client:
        job = DownloadJob(
            api=client._api,
            store=client._store,
            bucket="reports",
            key="a.csv",
            parallel=1,
            below=tmp_path / "folder",
        )
        with pytest.raises(OSError, match="another place"):
            download_file(job, tmp_path / "folder/b/a.csv", tmp_path / "state", "")

    assert [*(tmp_path / "elsewhere").iterdir()] == []


def test_a_file_that_another_thread_fills_is_not_removed(target: Path) -> None:
    """Two names of one target, by a link between directories, in one run."""
    with PartialFile(target, "token", is_kept=False) as first:
        rights = first.create(1)
        second = PartialFile(target, "token", is_kept=False)
        with pytest.raises(FileExistsError), second:
            second.create(1)
        first.check_in_place()
        first.rename(rights)


@pytest.mark.parametrize("name", ["a/b/c.csv", "a/new/c.csv", "c.csv"])
def test_a_path_below_a_directory_needs_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "a/b").mkdir(parents=True)

    assert look(tmp_path, tmp_path / name) == (tmp_path / name, None)


def test_a_link_that_leads_to_itself_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    path, found = look(tmp_path, tmp_path / "loop")
    assert path == tmp_path / "loop"
    assert found is not None
    assert stat.S_ISLNK(found.st_mode)


def test_links_that_stay_below_a_directory_are_followed(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c.csv").write_text("123")
    (tmp_path / "to_a").symlink_to("a")
    (tmp_path / "a/b/to_c").symlink_to("c.csv")
    (tmp_path / "to_nothing").symlink_to("a/new")

    path, found = look(tmp_path, tmp_path / "to_a/b/to_c")
    assert path == tmp_path / "a/b/c.csv"
    assert found is not None
    assert found.st_size == 3
    assert look(tmp_path, tmp_path / "to_nothing") == (tmp_path / "a/new", None)


@pytest.mark.parametrize("link", ["link", "a/link", "a/b/link"])
@pytest.mark.parametrize("rest", ["", "/c.csv", "/d/c.csv"])
def test_a_link_leads_no_path_out_of_a_directory(tmp_path: Path, link: str, rest: str) -> None:
    (tmp_path / "folder/a/b").mkdir(parents=True)
    (tmp_path / "elsewhere/d").mkdir(parents=True)
    (tmp_path / "folder" / link).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="another place"):
        look(tmp_path / "folder", tmp_path / f"folder/{link}{rest}")


def test_a_late_link_above_a_directory_leads_no_path_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "above/folder").mkdir(parents=True)
    (tmp_path / "elsewhere/folder").mkdir(parents=True)
    assert look(tmp_path / "above/folder", tmp_path / "above/folder/a")[1] is None

    (tmp_path / "above").rename(tmp_path / "moved")
    (tmp_path / "above").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="another place"):
        look(tmp_path / "above/folder", tmp_path / "above/folder/a")


@pytest.mark.parametrize("replaced", ["folder", "folder/a", "folder/a/b"])
def test_a_file_below_a_late_link_is_not_renamed(tmp_path: Path, replaced: str) -> None:
    target = tmp_path / "folder/a/b/c.csv"
    target.parent.mkdir(parents=True)
    with PartialFile(target, "token") as partial:
        partial.create(3)
        partial.check_in_place()
        (tmp_path / replaced).rename(tmp_path / "moved")
        (tmp_path / replaced).symlink_to(tmp_path / "moved")

        with pytest.raises(OSError, match="another place"):
            partial.check_in_place()
