"""docs/architecture.md names every room, and every file and definition that it names exists."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from service.sessions.attempts import ATTEMPT_SECONDS
from service.sessions.pool import MAX_SESSIONS
from service.sessions.refresh_policy import REFRESH_MARGIN, earliest_refresh_remaining
from tests.docs.documents import text_of
from tests.support.demo import ROOT

PAGE: Final = text_of("docs/architecture.md")
PROSE: Final = " ".join(PAGE.split())
SERVICE: Final = ROOT / "service"


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rooms() -> list[str]:
    """Return everything directly under `service`, except common package files."""
    modules = [path.name for path in SERVICE.glob("*.py") if not path.name.startswith("__")]
    packages = [f"{path.parent.name}/" for path in SERVICE.glob("*/__init__.py")]
    return sorted([*modules, *packages])


def answers() -> list[tuple[str, str]]:
    """Return the file and definition for each question of "Where do I change…"."""
    return re.findall(
        r"^\|[^|]*\? \| `([\w/.]+)` \| `(\w+)` \|$", section("Where do I change…"), re.MULTILINE
    )


@pytest.mark.parametrize("room", rooms())
def test_every_room_is_in_the_table(room: str) -> None:
    assert f"| `service/{room}` |" in section("The rooms")


def test_every_row_of_the_table_is_a_room() -> None:
    named = re.findall(r"^\| `service/([\w./]+)` \|", section("The rooms"), re.MULTILINE)
    assert sorted(named) == rooms()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:service|tests)/[\w/]+\.py)`", PAGE))))
def test_every_named_file_exists(path: str) -> None:
    assert (ROOT / path).is_file()


def test_the_steps_of_a_request_link_to_files() -> None:
    linked = re.findall(r"\[[^]]*\]\(\.\./(service/[^)]*)\)", section("One request"))
    assert len(linked) >= 15
    assert [path for path in linked if not (ROOT / path).is_file()] == []


def test_twenty_questions_have_an_answer() -> None:
    rows = [line for line in section("Where do I change…").splitlines() if "? |" in line]
    assert len(rows) == len(answers()) >= 20


@pytest.mark.parametrize(("path", "name"), answers())
def test_each_answers_file_defines_its_name(path: str, name: str) -> None:
    tree = ast.parse(Path(ROOT / path).read_text(encoding="utf-8"))
    defined = {getattr(each, "name", None) for each in tree.body}
    defined |= {
        target.id
        for each in tree.body
        if isinstance(each, ast.Assign | ast.AnnAssign)
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
        if isinstance(target, ast.Name)
    }
    assert name in defined


def test_the_numbers_on_the_page_match_the_code() -> None:
    assert f"{ATTEMPT_SECONDS:g} s at most" in PROSE
    assert f"of more than {MAX_SESSIONS:,}" in PROSE
    assert REFRESH_MARGIN == 60, "a minute"
    assert earliest_refresh_remaining(3600) == 2400, "not before a third of it has passed"
