"""Who maintains it is written in one place, and a complete release needs it."""

import shutil
from pathlib import Path

import pytest

import release.__main__ as command
from release.maintainer import CODEOWNERS, SECURITY, main, maintainer, written
from release.version import ROOT, NoRelease

TABLE = '[tool.maintainer]\nrole = "{}"\naddress = "{}"\nowners = "{}"\n'
NAMED = ("The storage team", "storage@example.com", "@acme/storage @ann")


def with_table(folder: Path, *values: str) -> Path:
    (folder / "pyproject.toml").write_text(TABLE.format(*values))
    (folder / ".github").mkdir()
    shutil.copy(ROOT / SECURITY, folder)
    return folder


def test_the_files_are_current() -> None:
    security = (ROOT / SECURITY).read_text()

    for path, text in written(maintainer(), security).items():
        assert (ROOT / path).read_text() == text, "make maintainer"


def test_one_place_names_the_maintainer_everywhere(tmp_path: Path) -> None:
    main(with_table(tmp_path, *NAMED))

    security = (tmp_path / SECURITY).read_text()
    assert "The storage team maintain presign: storage@example.com.\n" in security
    assert "Nobody is named" not in security
    assert (tmp_path / CODEOWNERS).read_text().endswith("\n* @acme/storage @ann\n")
    assert command.without_maintainer(tmp_path) == []


def test_what_is_missing_is_left_out_by_name(tmp_path: Path) -> None:
    source = with_table(tmp_path, "The storage team", "", "")

    [reason] = command.without_maintainer(source)
    assert reason == "nobody maintains it: write address, owners into [tool.maintainer]"


@pytest.mark.parametrize("owners", ["acme/storage", "@ann storage@example.com"])
def test_owners_that_are_no_names_are_refused(tmp_path: Path, owners: str) -> None:
    with pytest.raises(NoRelease, match="@acme/storage"):
        maintainer(with_table(tmp_path, *NAMED[:2], owners))


def test_a_value_of_two_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoRelease, match="one line"):
        maintainer(with_table(tmp_path, r"a\nb", *NAMED[1:]))
