"""docs/clients.md, parsed for its tests and those of the clients."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "clients.md"
DRIVERS: Final = Path(__file__).parent / "drivers"


def tab(label: str) -> str:
    found = PAGE.read_text(encoding="utf-8").partition(f"\n**{label}**\n")[2]
    assert found, f"docs/clients.md has no tab {label}"
    return re.split(r"^(?:\*\*|<!-- end of tabs)", found, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the language and text of each fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(label: str) -> list[str]:
    """Return the commands of a tab, which run in a directory with openapi.yaml."""
    shown = "".join(block for language, block in blocks(tab(label)) if language == "sh")
    return shown.replace("\\\n", "").splitlines()


def table() -> list[list[str]]:
    """The rows of the page's table: client, version, compiler, what to know."""
    generated = PAGE.read_text(encoding="utf-8").partition("\n## Generated clients\n")[2]
    lines = generated.splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[2:]]
