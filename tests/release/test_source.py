"""Only what is committed is released; what an engine cannot build is said."""

import subprocess
from pathlib import Path

import pytest

from release import __main__ as command
from release import image
from release.version import ROOT


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.setattr(command, "ROOT", folder)
    (folder / "a.txt").write_text("committed")
    (folder / ".gitignore").write_text("ignored\n")
    (folder / "ignored").write_text("")
    times = {
        "GIT_COMMITTER_DATE": "2026-11-29T00:00:00Z",
        "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z",
    }
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "-m", "a"]):
        subprocess.run(["git", *words], cwd=folder, env={"PATH": "/usr/bin", **times}, check=True)
    return folder


def test_the_committed_files_are_exported(checkout: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    epoch = command.export(out)

    assert epoch == 1_795_910_400  # 2026-11-29T00:00:00Z, when it was committed
    assert sorted(each.name for each in out.iterdir()) == [".gitignore", "a.txt"]
    assert (checkout / "ignored").exists()


@pytest.mark.parametrize("name", ["a.txt", "new.txt"])
def test_what_is_not_committed_is_refused(checkout: Path, tmp_path: Path, name: str) -> None:
    (checkout / name).write_text("changed")
    with pytest.raises(SystemExit, match=f"error: not committed: {name}"):
        command.export(tmp_path / "out")


def test_without_an_engine_the_image_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "DOCKER", ["no-such-program"])
    left = command.add_images(ROOT, tmp_path, 0)
    assert left == ["no image was built: there is no no-such-program"]


def test_the_base_is_named_by_its_digest(tmp_path: Path) -> None:
    assert "@sha256:" in image.pinned_base(ROOT)
    file = tmp_path / "deploy" / "image" / "base.Dockerfile"
    file.parent.mkdir(parents=True)
    file.write_text("FROM python:3.13-slim\n")
    with pytest.raises(ValueError, match="not enough values"):
        image.pinned_base(tmp_path)
