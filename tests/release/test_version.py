"""One version, in all places that have it, and the fragments that become its section."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Final

import pytest

from release import changes, version
from release.version import PLACES, ROOT, begin, current, versions

TODAY: Final = dt.date(2027, 1, 31)


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    for path in (*PLACES, "CHANGELOG.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / "changes").mkdir()
    return tmp_path


def fragment(root: Path, name: str, text: str = "A link answers 410.") -> None:
    (root / "changes" / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("place", PLACES)
def test_each_place_has_the_version(place: str) -> None:
    assert versions()[place] == {current()}


def test_the_changelog_has_a_section_for_the_version() -> None:
    assert f"\n## {current()}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_fragments_can_be_released() -> None:
    changes.section(ROOT)


def test_the_next_version_is_written_to_each_place(root: Path) -> None:
    fragment(root, "a.added.md")

    begin("0.10.0", TODAY, root)

    assert versions(root) == {place: {"0.10.0"} for place in PLACES}


def test_the_fragments_become_the_first_section(root: Path) -> None:
    before = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    fragment(root, "b.fixed.md", "A link\nanswers 410.\n")
    fragment(root, "a.fixed.md", "word " * 30)
    fragment(root, "z.security.md")
    fragment(root, "README.md", "# not one")

    begin("0.2.0", TODAY, root)

    after = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    intro, _, rest = before.partition("\n## ")
    section = after.removeprefix(intro).removesuffix(f"\n## {rest}")
    words = "word word"
    assert section.startswith("\n## 0.2.0 - 2027-01-31\n\n### Security\n\n- A link answers 410.\n")
    assert section.endswith(f"{words}\n- A link answers 410.\n")
    assert "\n\n### Fixed\n\n- word" in section
    assert max(map(len, section.splitlines())) <= 120
    assert [each.name for each in (root / "changes").iterdir()] == ["README.md"]


@pytest.mark.parametrize("name", ["a.md", "a.new.md", "added.md", "a.added.txt", ".added.md"])
def test_a_fragment_with_a_wrong_name_is_refused(root: Path, name: str) -> None:
    fragment(root, name)
    with pytest.raises(changes.WrongFragment, match=r"must be NAME\.KIND\.md"):
        begin("0.2.0", TODAY, root)


@pytest.mark.parametrize("text", ["", " \n", "- a line", "# a heading"])
def test_a_fragment_without_a_sentence_is_refused(root: Path, text: str) -> None:
    fragment(root, "a.added.md", text)
    with pytest.raises(changes.WrongFragment, match=r"a\.added\.md: must have sentences"):
        begin("0.2.0", TODAY, root)


def test_without_fragments_there_is_nothing_to_release(root: Path) -> None:
    with pytest.raises(changes.WrongFragment, match="nothing would be released"):
        begin("0.2.0", TODAY, root)
    assert current(root) == current()


@pytest.mark.parametrize(
    "wrong", ["0.1.0", "0.0.9", "1", "0.2", "0.2.0rc1", "v0.2.0", "0.02.0", ""]
)
def test_a_wrong_version_is_refused_and_changes_nothing(root: Path, wrong: str) -> None:
    fragment(root, "a.added.md")
    with pytest.raises(version.NoRelease):
        begin(wrong, TODAY, root)
    assert (root / "changes" / "a.added.md").exists()
    assert current(root) == current()


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert version.main("1.x") == 2
    assert capsys.readouterr().err == "error: not a version like 0.2.0: '1.x'\n"
