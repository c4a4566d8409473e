"""Whether a page can be used with a screen reader, and on a phone."""

import json
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

AXE: Final = Path(__file__).parent / "console" / "node_modules" / "axe-core" / "axe.min.js"


Violations = list[tuple[str, list[str]]]


def violations(page: Page, *, least: int = 10) -> Violations:
    """What axe finds. The browser runs it: it is no script of the page."""
    found = _run(page, {})
    assert len(found["passes"]) > least  # it looked
    return _nodes(found)


def violations_in_light_and_dark(page: Page) -> Violations:
    """The dark page has other colours and is otherwise the same. Leaves it light.

    There are no transitions from now on, so that no colour is between two.
    """
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    dark = _run(page, {"runOnly": ["cat.color"]})
    looked = {each["id"] for kind in ("passes", "incomplete", "violations") for each in dark[kind]}
    assert "color-contrast" in looked
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return violations(page) + _nodes(dark)


def _run(page: Page, options: dict[str, Any]) -> Any:
    assert AXE.exists(), "axe-core is missing: `make clients` installs it"
    if page.evaluate("globalThis.axe?.run === undefined"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(f"axe.run(document, {json.dumps(options)})")


def _nodes(found: Any) -> Violations:
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]


def fits(page: Page) -> bool:
    """Nobody has to scroll sideways."""
    inside: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return inside
