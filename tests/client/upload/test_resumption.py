"""Uploads that go on where an earlier run ended."""

import os
from pathlib import Path

import pytest

from tests.client.fake import Fake
from tests.client.transferring import CONTENT, interrupted, upload


def test_an_interrupted_upload_sends_only_what_is_missing(fake: Fake, file: Path) -> None:
    interrupted(fake, upload, file)

    upload(fake, file)

    assert fake.objects == {"a.csv": CONTENT}
    assert len(fake.sent_to_the_store("PUT")) == 3


def test_the_note_is_not_next_to_the_file(fake: Fake, file: Path, state: Path) -> None:
    interrupted(fake, upload, file)

    assert list(file.parent.glob("a.csv*")) == [file]
    [note] = state.iterdir()
    assert note.read_text() == '{"upload_id": "upload-1", "size": 23, "part_size": 5}\n'
    assert note.stat().st_mode & 0o777 == 0o600

    upload(fake, file)

    assert list(state.iterdir()) == []


def test_a_part_that_changed_is_sent_again(fake: Fake, file: Path) -> None:
    interrupted(fake, upload, file)
    file.write_bytes(b"x" + CONTENT[1:])

    upload(fake, file)

    assert fake.objects == {"a.csv": b"x" + CONTENT[1:]}
    assert len(fake.sent_to_the_store("PUT")) == 4


def test_a_file_that_grew_starts_over_and_aborts(fake: Fake, file: Path) -> None:
    interrupted(fake, upload, file)
    file.write_bytes(CONTENT + b"more")

    upload(fake, file)

    assert fake.objects == {"a.csv": CONTENT + b"more"}
    assert "DELETE multipart-uploads/upload-1" in fake.paths()


def test_an_aborted_upload_starts_over(fake: Fake, file: Path) -> None:
    interrupted(fake, upload, file)
    fake.uploads.clear()

    upload(fake, file)

    assert fake.objects == {"a.csv": CONTENT}


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"\xff", b"null", b"[1]", b'{"upload_id": 5}', b'{"upload_id": "a"}']
)
def test_a_note_that_is_none_is_ignored(fake: Fake, file: Path, state: Path, junk: bytes) -> None:
    interrupted(fake, upload, file)
    [note] = state.iterdir()
    note.write_bytes(junk)

    upload(fake, file)

    assert fake.objects == {"a.csv": CONTENT}


def test_a_run_after_the_completion_sends_nothing(fake: Fake, file: Path, state: Path) -> None:
    interrupted(fake, upload, file)
    [note] = state.iterdir()
    kept = note.read_bytes()
    upload(fake, file)
    note.write_bytes(kept)
    fake.requests.clear()

    assert upload(fake, file).size == 23

    assert fake.sent_to_the_store("PUT") == []
    assert not note.exists()


def test_a_home_that_cannot_be_written_is_no_error(
    fake: Fake, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)

    upload(fake, file)

    assert fake.objects == {"a.csv": CONTENT}


def test_without_a_home_a_failed_upload_leaves_no_parts(
    fake: Fake, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No later run would find them."""
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)

    interrupted(fake, upload, file)

    assert fake.uploads == {}
