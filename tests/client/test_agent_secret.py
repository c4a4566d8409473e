"""The file with the secret of `presign agent`, which only its user may read."""

import os
from pathlib import Path

import pytest

from presign_client.agent.secret import (
    others_may_have_written,
    others_may_read,
    publish,
    read_or_make,
)

SECRET = "secret-of-the-agent"


def test_the_secret_replaces_an_earlier_one_at_once(tmp_path: Path) -> None:
    path = tmp_path / "state" / "agent-secret"
    publish("before", path)
    with path.open() as file:
        publish(SECRET, path)
        assert file.read() == "before"

    assert path.read_text() == SECRET
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_is_written_through_no_link(tmp_path: Path) -> None:
    path, precious = tmp_path / "agent-secret", tmp_path / "precious"
    precious.write_text("precious")
    path.symlink_to(precious)

    publish(SECRET, path)

    assert precious.read_text() == "precious"
    assert path.read_text() == SECRET


def test_a_secret_that_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "agent-secret").mkdir()

    with pytest.raises(OSError, match="agent-secret"):
        publish(SECRET, tmp_path / "agent-secret")

    assert [path.name for path in tmp_path.iterdir()] == ["agent-secret"]


def test_a_given_file_keeps_its_secret(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secret"

    made = read_or_make(path)

    assert len(made) == 43
    assert path.read_text() == made == read_or_make(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (0o666, "others may write it"),
        (0o620, "others may write it"),
        (0o644, "Others may read"),
        (0o640, "Others may read"),
        (0o604, "Others may read"),
    ],
)
def test_a_given_file_that_others_may_use_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, reason: str
) -> None:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    owner = path.stat().st_uid or 1000
    if os.getuid() == 0:
        os.chown(path, owner, owner)
        monkeypatch.setattr(os, "getuid", lambda: owner)
    assert read_of(path, 0o600) == SECRET

    with pytest.raises(ValueError, match=reason):
        read_of(path, mode)


def read_of(path: Path, mode: int) -> str:
    path.chmod(mode)
    return read_or_make(path)


@pytest.mark.parametrize(
    ("owner", "user", "others"), [(1000, 1000, True), (0, 1000, False), (0, 0, True)]
)
def test_root_itself_reads_no_secret_that_others_may_read(
    owner: int, user: int, *, others: bool
) -> None:
    assert others_may_read(0o644, owner, user) is others


@pytest.mark.parametrize(("owner", "others"), [(1000, False), (0, False), (1001, True)])
def test_a_file_of_another_user_is_no_secret(owner: int, *, others: bool) -> None:
    assert others_may_have_written(0o600, owner, 1000) is others


@pytest.mark.parametrize("text", ["", "secret\n", "two words", "gr\xfc\xdfe"])
def test_a_secret_that_cannot_be_sent_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "agent-secret"
    path.write_text(text)

    with pytest.raises(ValueError, match="authorization file is empty"):
        read_of(path, 0o600)
