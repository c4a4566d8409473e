"""One colour, adapted so that it can be read on light and on dark ground. Pure."""

from bisect import bisect_left
from collections.abc import Iterable
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

AA: Final = 4.5  # of text: w3.org/TR/WCAG22/#contrast-minimum
AAA: Final = 7.0  # w3.org/TR/WCAG22/#contrast-enhanced
TINT: Final = 0.12  # the share of `--accent` in `--tint` of base.css
_STEPS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """`ground` and `card` are what base.css calls so. `end` is the lightness far from both."""

    ground: str
    card: str
    end: float
    contrast: float


LIGHT: Final = Scheme(ground="#f4f6f6", card="#ffffff", end=0, contrast=AA)
# In the dark a colour that just reaches AA looks dull.
DARK: Final = Scheme(ground="#0c1211", card="#141c1b", end=1, contrast=AAA)


@lru_cache(maxsize=1)  # one is configured
def style(colour: str) -> str:
    """Return the style sheet that gives the page its colour."""
    return (
        f":root {{ --accent: {readable(colour, LIGHT)}; }}\n"
        f"@media (prefers-color-scheme: dark) "
        f"{{ :root {{ --accent: {readable(colour, DARK)}; }} }}\n"
    )


def readable(colour: str, scheme: Scheme) -> str:
    """Return `colour` as it is, or as much darker or lighter as makes it readable.

    It is readable as text on the ground, and on a card that is tinted with it. Its hue stays.
    """
    if _is_readable(colour, scheme):
        return _text(_channels(colour))
    hue, lightness, saturation = rgb_to_hls(*_channels(colour))

    def changed(step: int) -> str:
        each = lightness + (scheme.end - lightness) * step / _STEPS
        return _text(hls_to_rgb(hue, each, saturation))

    step = bisect_left(range(_STEPS), 1, key=lambda i: int(_is_readable(changed(i), scheme)))
    return changed(step)


def _is_readable(colour: str, scheme: Scheme) -> bool:
    grounds = (scheme.ground, mix(colour, scheme.card, TINT))
    return all(contrast(colour, ground) >= scheme.contrast for ground in grounds)


def mix(colour: str, ground: str, share: float) -> str:
    """Return what `color-mix(in srgb, …)` does for this share of `colour`."""
    pairs = zip(_channels(colour), _channels(ground), strict=True)
    return _text(one * share + other * (1 - share) for one, other in pairs)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio, from 1 to 21: w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Return the relative luminance: w3.org/TR/WCAG22/#dfn-relative-luminance."""
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> list[float]:
    """Return red, green and blue of `#rrggbb` or `#rgb`, from 0 to 1."""
    digits = colour.removeprefix("#")
    width = len(digits) // 3
    parts = (digits[at : at + width] for at in range(0, len(digits), width))
    return [int(part * (2 // width), 16) / 255 for part in parts]


def _text(channels: Iterable[float]) -> str:
    return "#" + "".join(f"{round(each * 255):02x}" for each in channels)
