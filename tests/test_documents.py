"""What the pages promise is there: the tests, files and settings that they name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from service.settings import Settings

ROOT: Final = Path(__file__).parents[1]
SECURITY: Final = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
PAGES: Final = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/security.md"]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def functions(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def rows() -> Iterator[tuple[str, str]]:
    """Each threat of the table, with the cell of its tests."""
    for line in SECURITY.splitlines():
        if line.startswith("| ") and not line.startswith(("| threat", "| ---")):
            threat, _, tests = line.strip("| ").split(" | ")
            yield threat, tests


@pytest.mark.parametrize(("path", "name"), sorted(set(_TEST.findall(SECURITY))))
def test_a_test_that_the_table_of_threats_names_is_there(path: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in functions(ROOT / path)


def test_every_threat_in_the_table_has_its_test() -> None:
    assert len(list(rows())) > 20
    assert [threat for threat, tests in rows() if not _TEST.search(tests)] == []


def test_no_name_of_a_test_is_written_in_a_way_that_escapes_the_check() -> None:
    assert SECURITY.count("::test") == len(_TEST.findall(SECURITY))


@pytest.mark.parametrize("page", PAGES)
def test_links_to_files_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_within_a_page_lead_to_a_heading(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def configurations() -> list[Any]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [
        YAML(typ="safe").load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    ]
    return [block for block in blocks if "buckets" in block]


def test_the_configurations_in_the_readme_are_good() -> None:
    assert len(configurations()) == 2
    for configuration in configurations():
        for issuer in configuration.get("issuers", {}).values():
            del issuer["ca_file"]  # it is in a cluster only
        assert Settings.model_validate(configuration).callers
