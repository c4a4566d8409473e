"""docs/alternatives.md is complete: each alternative has its column, its source and its
strengths.
"""

import re
from typing import Final

import pytest

from service import __version__
from tests.docs.documents import text_of

PAGE: Final = text_of("docs/alternatives.md")
TABLE: Final = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| ---")
]
SECTIONS: Final = dict(
    re.findall(r"^## ([^\n]*)\n\n(.*?)(?=\n## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
)
ALTERNATIVES: Final = list(SECTIONS)[2:]


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


def test_each_alternative_has_a_column_and_a_section() -> None:
    named = re.findall(r"\]\(#([^)]+)\)", " ".join(TABLE[0]))
    assert named == [anchor(heading) for heading in ALTERNATIVES]
    assert len(named) >= 9


def test_every_row_is_complete_and_some_are_against_presign() -> None:
    first, *rows = TABLE[1:]
    assert all(len(row) == len(ALTERNATIVES) + 2 for row in [first, *rows])
    assert {cell for row in rows for cell in row[1:]} == {"Y", "P", "N", "-"}
    assert [row[0] for row in rows if row[1] == "N"], "the table also has what presign lacks"


@pytest.mark.parametrize("heading", ALTERNATIVES)
def test_a_section_has_its_source_its_strengths_and_when_to_use_it(heading: str) -> None:
    source, rest = SECTIONS[heading].split("\n\n", 1)
    assert source.startswith("*")
    assert "](https://" in source or heading == "Signing in your own code"
    places = [rest.find(words) for words in ("**Better there:**", "**Only here:**", "**Use it**")]
    assert places == sorted(places)
    assert min(places) >= 0


def test_what_this_is_not_comes_first() -> None:
    assert next(iter(SECTIONS)) == "What this is not"
    assert f"version {__version__}" in SECTIONS["What this is not"]
