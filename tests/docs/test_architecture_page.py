"""docs/architecture.md names every room, and every file and definition that it names exists."""

import ast
import re
import tomllib
from typing import Final

import pytest

from tests.docs.documents import section, text_of
from tests.support.demo import ROOT

PAGE: Final = text_of("docs/architecture.md")
ROOMS: Final = section("docs/architecture.md", "The rooms")
QUESTIONS: Final = section("docs/architecture.md", "Where do I change…")


def rooms() -> list[str]:
    """Return everything directly under `service`, except common package files."""
    service = ROOT / "service"
    modules = [path.name for path in service.glob("*.py") if not path.name.startswith("__")]
    packages = [f"{path.parent.name}/" for path in service.glob("*/__init__.py")]
    return sorted([*modules, *packages])


def answers() -> list[tuple[str, str]]:
    """Return the file and definition for each question of "Where do I change…"."""
    return re.findall(r"^\|[^|]*\? \| `([\w/.]+)` \| `(\w+)` \|$", QUESTIONS, re.MULTILINE)


def table() -> list[str]:
    """Return the rooms of the table, from the top."""
    return re.findall(r"^\| `service/([\w./]+)` \|", ROOMS, re.MULTILINE)


def test_the_table_has_every_room() -> None:
    assert sorted(table()) == rooms()


def test_the_table_has_the_order_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(each for each in contracts["contracts"] if each["type"] == "layers")["layers"]
    left = [each.removesuffix("/").removesuffix(".py") for each in table()]
    for layer in (set(each.split(" | ")) for each in layers):
        in_table, left = set(left[: len(layer)]), left[len(layer) :]
        assert in_table == layer


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:service|tests)/[\w/]+\.py)`", PAGE))))
def test_every_named_file_exists(path: str) -> None:
    assert (ROOT / path).is_file()


def test_the_steps_of_a_request_link_to_files() -> None:
    """tests/docs/test_documents.py finds a link to a file that does not exist."""
    steps = section("docs/architecture.md", "One request")
    assert len(re.findall(r"\]\(\.\./service/[^)]*\)", steps)) >= 15


def test_twenty_questions_have_an_answer() -> None:
    assert QUESTIONS.count("? |") == len(answers()) >= 20


@pytest.mark.parametrize(("path", "name"), answers())
def test_each_answers_file_defines_its_name(path: str, name: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".js"):
        assert re.search(rf"^export (async function|function|class) {name}\b", source, re.MULTILINE)
        return
    tree = ast.parse(source)
    defined = {getattr(each, "name", None) for each in tree.body}
    defined |= {
        target.id
        for each in tree.body
        if isinstance(each, ast.Assign | ast.AnnAssign)
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
        if isinstance(target, ast.Name)
    }
    assert name in defined
