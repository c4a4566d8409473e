"""Downloads that go on where an earlier run or request ended."""

import errno
import fcntl
from pathlib import Path
from typing import Any

import httpx
import pytest

from presign_client import PresignError
from tests.client.failing import fails
from tests.client.fake import Fake, s3_error
from tests.client.transferring import CONTENT, download, interrupted, received


def test_an_interrupted_download_reads_only_what_is_missing(fake: Fake, target: Path) -> None:
    interrupted(fake, download, target)
    assert not target.exists()

    done = download(fake, target)

    assert target.read_bytes() == CONTENT
    assert done.verified
    assert len(fake.sent_to_the_store("GET")) == 3
    assert [path.name for path in target.parent.glob("*arget*")] == ["target"]


def test_a_resumed_download_of_another_object_starts_over(fake: Fake, target: Path) -> None:
    interrupted(fake, download, target)
    fake.put("a.csv", b"another object")

    download(fake, target)

    assert target.read_bytes() == b"another object"


def test_a_half_file_that_is_gone_starts_over(fake: Fake, target: Path) -> None:
    interrupted(fake, download, target)
    [half] = target.parent.glob(".presign-*")
    half.unlink()

    download(fake, target)

    assert target.read_bytes() == CONTENT


def test_a_half_file_that_was_changed_is_found(fake: Fake, target: Path) -> None:
    fake.put("a.csv", CONTENT)
    interrupted(fake, download, target)
    [half] = target.parent.glob(".presign-*")
    half.write_bytes(b"\xff" * 23)

    with pytest.raises(PresignError, match="checksum_mismatch"):
        download(fake, target)


@pytest.mark.parametrize("half", ["4", "1", "x"])
def test_half_a_line_of_the_note_is_no_part(
    fake: Fake, state: Path, target: Path, half: str
) -> None:
    """The disk was full: the line was to be 42. Parts 1 and 2 are there, 4 is not."""
    interrupted(fake, download, target)
    [note] = state.iterdir()
    note.write_text(note.read_text() + half)

    interrupted(fake, download, target)  # two parts more, whose lines come after it
    download(fake, target)

    assert target.read_bytes() == CONTENT
    assert len(fake.sent_to_the_store("GET")) == 1


def refuse_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no lock")

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_no_error(
    fake: Fake, target: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse_locks(monkeypatch, number)
    interrupted(fake, download, target)

    download(fake, target)

    assert target.read_bytes() == CONTENT
    assert len(fake.sent_to_the_store("GET")) == 3


@pytest.mark.parametrize("number", [errno.EWOULDBLOCK, errno.EACCES])
def test_a_lock_of_another_process_is_said(
    fake: Fake, target: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse_locks(monkeypatch, number)

    with pytest.raises(PresignError, match="in_progress"):
        download(fake, target)


class Breaking(httpx.SyncByteStream):
    """A body that breaks after two bytes."""

    def __iter__(self) -> Any:
        yield CONTENT[:2]
        raise httpx.ReadError("broken")


def test_a_range_that_breaks_goes_on_where_it_broke(fake: Fake, kind: str, target: Path) -> None:
    wanted = fake.answer
    broken: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        whole = wanted(request)
        if request.headers.get("range") == "bytes=0-4" and not broken:
            broken.append(request)
            return httpx.Response(206, headers=whole.headers, stream=Breaking())
        return whole

    fake.answer = answer  # type: ignore[method-assign]

    content, done = received(fake, kind, target)

    assert content == CONTENT
    assert done.verified
    assert "bytes=2-4" in [each.headers.get("range") for each in fake.requests]


def test_an_expired_url_is_signed_again_for_all(fake: Fake, target: Path) -> None:
    fails(1, s3_error(403, "AccessDenied"), fake, "store.test")

    download(fake, target, parallel=1)

    assert target.read_bytes() == CONTENT
    assert fake.paths().count("POST download-urls") == 2
