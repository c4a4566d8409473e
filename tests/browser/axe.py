"""Whether a page can be used with a screen reader, and on a phone."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

AXE: Final = Path(__file__).parent / "console" / "node_modules" / "axe-core" / "axe.min.js"


Violations = list[tuple[str, list[str]]]


def violations(page: Page, *, least: int = 10, rules: Sequence[str] = ()) -> Violations:
    """What axe finds, by all rules or by some. The browser runs it: it is no script of the page."""
    assert AXE.exists(), "axe-core is missing: `make clients` installs it"
    if page.evaluate("globalThis.axe?.run === undefined"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    assert rules or len(found["passes"]) > least  # it looked
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]


def violations_in_light_and_dark(page: Page) -> Violations:
    """The dark page has other colours and is otherwise the same. Leaves it light."""
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    dark = violations(page, rules=["color-contrast"])
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return violations(page) + dark


def fits(page: Page) -> bool:
    """Nobody has to scroll sideways."""
    inside: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return inside
