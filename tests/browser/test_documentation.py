"""What docs/site/assets/presign.js fixes of the theme, on a page that has what the theme makes."""

from typing import Final

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.support.demo import ROOT

SCRIPT: Final = (ROOT / "docs/site/assets/presign.js").read_text(encoding="utf-8")
CODE: Final = """
<nav class="md-code__nav"><button title="Copy to clipboard" type="button"></button></nav>"""
TABLE: Final = """
<div class="md-typeset__scrollwrap" style="overflow-x: auto">
  <table style="width: {}px"><thead><tr><th></th><th>limit</th></tr></thead>
  <tbody><tr><td>a page</td><td>1,000</td></tr></tbody></table>
</div>"""
PAGE: Final = f"""<!doctype html><html lang="en"><title>Limits</title>
<main class="md-typeset"><h1>Limits</h1>{CODE}{CODE}<div id="later"></div>
{TABLE.format(2000)}{TABLE.format(10)}</main>
"""


def test_axe_finds_nothing_that_the_theme_makes(page: Page) -> None:
    page.set_content(PAGE)
    found = {name for name, _ in violations(page, least=5)}
    assert found == {"empty-table-header", "landmark-unique", "scrollable-region-focusable"}
    page.add_script_tag(content=SCRIPT)
    expect(page.locator(".md-typeset__scrollwrap").first).to_have_attribute("tabindex", "0")
    assert violations(page, least=5) == []


def test_what_the_theme_makes_later_is_mended_too(page: Page) -> None:
    page.set_content(PAGE)
    page.add_script_tag(content=SCRIPT)
    page.evaluate("code => (document.getElementById('later').innerHTML = code)", CODE)
    expect(page.locator("#later .md-code__nav")).to_have_attribute("role", "none")
    assert violations(page, least=5) == []


def test_only_a_table_that_scrolls_takes_the_focus(page: Page) -> None:
    page.set_content(PAGE)
    page.add_script_tag(content=SCRIPT)
    wide, narrow = page.locator(".md-typeset__scrollwrap").all()
    expect(wide).to_have_attribute("tabindex", "0")
    assert narrow.get_attribute("tabindex") is None
    page.set_viewport_size({"width": 2400, "height": 800})
    expect(wide).not_to_have_attribute("tabindex", "0")
