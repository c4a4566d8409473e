"""Any colour becomes one that can be read. The ratios are those of WCAG 2.2."""

import re
from pathlib import Path
from random import Random
from typing import Final

import pytest

from service.console.colours import (
    AA,
    DARK,
    LIGHT,
    TINT,
    Scheme,
    contrast,
    mix,
    readable,
    style,
)

PAGE: Final = Path(__file__).parents[2] / "service" / "console" / "page"
RANDOM: Final = Random(20_261_126)
COLOURS: Final = [
    *("#000", "#fff", "#ffff00", "#0000ff", "#777777", "#0f766e", "#5eead4"),
    *(f"#{RANDOM.randrange(0x1000000):06x}" for _ in range(1000)),
]


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_1000_colours_can_be_read_on_every_ground(scheme: Scheme) -> None:
    """The ground is the text of a button in the colour, too."""
    for colour in COLOURS:
        adapted = readable(colour, scheme)
        for ground in (scheme.ground, scheme.card, mix(adapted, scheme.card, TINT)):
            assert contrast(adapted, ground) >= AA, colour


def test_the_grounds_are_those_of_the_style_sheet() -> None:
    light, dark = (PAGE / "base.css").read_text(encoding="utf-8").split("@media", 1)
    for scheme, text in ((LIGHT, light), (DARK, dark)):
        assert f"--ground: {scheme.ground};" in text
        assert f"--card: {scheme.card};" in text
    assert f"--tint: color-mix(in srgb, var(--accent) {TINT:.0%}, var(--card));" in light


def test_a_readable_colour_is_not_changed() -> None:
    assert readable("#0b5f59", LIGHT) == "#0b5f59"
    assert readable("#5eead4", DARK) == "#5eead4"


def test_a_short_colour_is_the_same_as_a_long_one() -> None:
    assert readable("#fc0", DARK) == readable("#ffcc00", DARK) == "#ffcc00"


def test_an_adapted_colour_keeps_its_hue() -> None:
    assert re.fullmatch(r"#([0-9a-f]{2})\1(?:00)", readable("#ffff00", LIGHT))
    assert re.fullmatch(r"#([0-9a-f]{2})\1(?:ff)", readable("#0000ff", DARK))


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#ffffff", "#0000ff", 8.59)],
)
def test_contrasts_are_those_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(one, other) == contrast(other, one)


def test_the_style_has_one_colour_for_light_and_one_for_dark() -> None:
    first, second = re.findall(r"--accent: (#[0-9a-f]{6});", style("#808080"))
    assert contrast(first, "#ffffff") > AA > contrast(first, "#000000")
    assert contrast(second, "#000000") > AA > contrast(second, "#ffffff")
