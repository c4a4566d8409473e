"""docs/errors.md has a section for each code, and details that the service answers."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from service import errors
from service.api.problems import _KINDS, Problems

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
SECTIONS: Final = dict(
    re.findall(r"^## ([a-z_]+)\n\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
)


def test_each_code_has_a_section() -> None:
    raised = {each.code for each in errors.PresignError.__subclasses__()}
    assert raised <= set(_KINDS)
    assert set(SECTIONS) == set(_KINDS)


def test_the_sections_are_in_the_order_of_the_contract() -> None:
    contract = (ROOT / "openapi.yaml").read_text(encoding="utf-8")
    listed = re.findall(r"\| \d{3} \| `([a-z_]+)` \|", contract)
    assert list(SECTIONS)[: len(listed)] == listed


@pytest.mark.parametrize("code", SECTIONS)
def test_a_section_says_what_why_and_what_to_do(code: str) -> None:
    status, title = _KINDS[code]
    why, fix = SECTIONS[code].strip().split("\n\n")
    assert why.startswith(f"**{status} {title}.** “")
    assert fix.startswith("**Fix:** ")


def test_the_example_is_what_the_service_answers() -> None:
    [block] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    example: dict[str, Any] = json.loads(block)
    code, request_id = example["code"], example["request_id"]
    expected = Problems().problem(code, example["detail"], request_id=request_id)
    assert example.items() >= expected.items()
    assert example.keys() - expected.keys() == {"errors"}


def said_by_the_service() -> Iterator[str]:
    """Yield patterns of the sentences in its code; `.+` stands for what an f-string inserts."""
    for path in (ROOT / "service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [str(each.value) if isinstance(each, ast.Constant) else None for each in parts]
            if " " in "".join(filter(None, texts)).strip():
                yield "".join(".+" if text is None else re.escape(text) for text in texts)


SAID: Final = [re.compile(each) for each in set(said_by_the_service())]


@pytest.mark.parametrize("code", SECTIONS)
def test_the_quoted_detail_is_one_of_the_service(code: str) -> None:
    [quoted] = re.findall("“(.*?)”", " ".join(SECTIONS[code].split()))
    assert any(each.fullmatch(quoted) for each in SAID)


def test_the_page_has_no_relative_link() -> None:
    """The service shows it at `/errors`, where the other pages are not."""
    assert re.findall(r"\]\((?!https?://|#)", PAGE) == []
