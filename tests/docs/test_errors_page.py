"""docs/errors.md has a section for each code, and examples that the service would answer."""

import json
import re
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
    assert SECTIONS[code].startswith(f"**{status} {title}.** ")
    assert re.findall(r"^- \*\*([^*]+)\*\* ", SECTIONS[code], re.MULTILINE) == [
        "Why:",
        "What to do:",
    ]


@pytest.mark.parametrize("code", SECTIONS)
def test_the_example_is_what_the_service_answers(code: str) -> None:
    [block] = re.findall(r"```json\n(.*?)```", SECTIONS[code], re.DOTALL)
    example: dict[str, Any] = json.loads(block)
    expected = Problems().problem(code, example["detail"], request_id=example["request_id"])
    assert example.items() >= expected.items()
    assert example.keys() - expected.keys() <= {"errors"}


def test_the_page_has_no_relative_link() -> None:
    """The service shows it at `/errors`, where the other pages are not."""
    assert re.findall(r"\]\((?!https?://|#)", PAGE) == []
