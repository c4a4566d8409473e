"""Whether a page can be used with a screen reader, and on a phone."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Page

AXE: Final = Path(__file__).parent / "console" / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page, *, least: int = 10) -> list[tuple[str, list[str]]]:
    """What axe finds; run by the browser itself, it is no script of the page's."""
    assert AXE.exists(), "axe-core is missing: `make clients` installs it"
    if page.evaluate("globalThis.axe?.run === undefined"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert len(found["passes"]) > least  # it looked
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]


def fits(page: Page) -> bool:
    """Nobody has to scroll sideways."""
    inside: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return inside
