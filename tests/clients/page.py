"""docs/clients.md, parsed for its tests and those of the clients."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "clients.md"
DRIVERS: Final = Path(__file__).parent / "drivers"


def section(heading: str) -> str:
    found = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    assert found, f"docs/clients.md has no section {heading}"
    return found.partition("\n## ")[0]


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the language and text of each fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(heading: str) -> list[str]:
    """Return the commands of a section, which run in a directory with openapi.yaml."""
    shown = "".join(block for language, block in blocks(section(heading)) if language == "sh")
    return shown.replace("\\\n", "").splitlines()


def table() -> list[list[str]]:
    """The rows of the page's table: client, version, language, what was run."""
    lines = section("What was run").splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[2:]]
