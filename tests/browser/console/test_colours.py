"""Any brand becomes a colour that can be read, as Chromium computes it. The ratios are those of WCAG 2.2."""

from random import Random
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.console.harness import Harness, open_console

AA: Final = 4.5  # of text: w3.org/TR/WCAG22/#contrast-minimum
RANDOM: Final = Random(20_261_126)
BRANDS: Final = [
    *("#000", "#fff", "#ff0000", "#00ff00", "#0000ff", "#ffff00", "#00ffff", "#ff00ff"),
    *("#777777", "#0f766e", "#5eead4"),
    *(f"#{RANDOM.randrange(0x1000000):06x}" for _ in range(1000)),
]
GROUNDS: Final = ("ground", "card", "sunk", "tint", "on-accent")
# Red, green and blue of each name for each brand, painted as the page paints them.
PAINTED: Final = """([brands, names]) => {
  const root = document.documentElement;
  const probe = document.body.appendChild(document.createElement("p"));
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  return brands.map((brand) => {
    root.style.setProperty("--brand", brand);
    return names.map((name) => {
      probe.style.color = `var(--${name})`;
      canvas.fillStyle = getComputedStyle(probe).color;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    });
  });
}"""


def luminance(colour: list[int]) -> float:
    """Return the relative luminance: w3.org/TR/WCAG22/#dfn-relative-luminance."""
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (channel / 255 for channel in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[int], other: list[int]) -> float:
    """Return the contrast ratio, from 1 to 21: w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def painted(page: Page, brands: list[str], *names: str) -> Any:
    return page.evaluate(PAINTED, [brands, names])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_1000_brands_can_be_read_on_every_ground(
    chromium: Browser, harness: Harness, scheme: Any
) -> None:
    with chromium.new_context(color_scheme=scheme) as context:
        page = open_console(context, harness).page
        found = painted(page, BRANDS, "accent", *GROUNDS)
        for brand, (accent, *grounds) in zip(BRANDS, found, strict=True):
            for name, ground in zip(GROUNDS, grounds, strict=True):
                assert contrast(accent, ground) >= AA, f"{brand} on {name}"


@pytest.mark.parametrize(
    ("scheme", "brand", "expected"),
    [
        ("light", "#0b5f59", [0x0B, 0x5F, 0x59]),
        ("dark", "#5eead4", [0x5E, 0xEA, 0xD4]),
        ("light", "#fc0", [126, 100, 0]),  # as yellow as before
        ("dark", "#00f", [80, 167, 255]),
    ],
)
def test_a_brand_changes_only_as_far_as_it_must(
    chromium: Browser, harness: Harness, scheme: Any, brand: str, expected: list[int]
) -> None:
    with chromium.new_context(color_scheme=scheme) as context:
        page = open_console(context, harness).page
        [[accent]] = painted(page, [brand], "accent")
    assert accent == pytest.approx(expected, abs=1)


def test_contrasts_are_those_of_wcag() -> None:
    assert contrast([0] * 3, [255] * 3) == 21
    assert contrast([0x77] * 3, [255] * 3) == pytest.approx(4.48, abs=0.01)
    assert contrast([255] * 3, [0, 0, 255]) == pytest.approx(8.59, abs=0.01)
