"""Plots as SVG, by hand: lines over logarithmic axes, and bars, are all that is needed.

A service has the same colour in all of them. Each plot exists for light and for dark pages.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 130, 40, 50
_CHARACTER: Final = 7.5  # the width of one, at most on average, at the size of the names
_LINE: Final = 14  # the least distance of two names


@dataclass(frozen=True, kw_only=True)
class Theme:
    """`services` are the colours by name; other services are `grey`."""

    paper: str
    ink: str
    grid: str
    grey: str
    services: Mapping[str, str]

    def colour(self, name: str) -> str:
        """Return the colour of a service, by what is before the comma of its name."""
        return self.services.get(name.partition(",")[0], self.grey)


LIGHT: Final = Theme(
    paper="#ffffff",
    ink="#1f2937",
    grid="#dddddd",
    grey="#8a94a6",
    services={"presign": "#0b6e4f", "naive": "#c0392b", "hello": "#2c5aa0"},
)
DARK: Final = Theme(
    paper="#0d1117",
    ink="#e6edf3",
    grid="#30363d",
    grey="#7d8590",
    services={"presign": "#3fb98f", "naive": "#f47067", "hello": "#6cb6ff"},
)


def lines(title: str, x: str, y: str, series: Mapping[str, Points], theme: Theme = LIGHT) -> str:
    """`x` and `y` name the axes."""
    points = [point for line in series.values() for point in line]
    across, up = _Axis([p[0] for p in points]), _Axis([p[1] for p in points])
    middle = 'text-anchor="middle"'
    parts = [
        _head(_HEIGHT, 12, theme),
        f'<text x="{_LEFT}" y="22" font-size="14">{title}</text>',
        f'<text x="{_x(0.5)}" y="{_HEIGHT - 10}" {middle}>{x}</text>',
        f'<text transform="translate(16,{_y(0.5)}) rotate(-90)" {middle}>{y}</text>',
        *(_vertical(across, value, theme) for value in across.ticks()),
        *(_horizontal(up, value, theme) for value in up.ticks()),
    ]
    drawn = {
        name: [(_x(across.at(a)), _y(up.at(b))) for a, b in line] for name, line in series.items()
    }
    for name, line in drawn.items():
        parts += _line(line, theme.colour(name))
    parts += _names({name: line[-1] for name, line in drawn.items()}, theme)
    return "\n".join([*parts, "</svg>", ""])


def bars(title: str, values: Mapping[str, float], theme: Theme = LIGHT) -> str:
    """Return one bar for each value, on a linear scale from 0."""
    left = round(16 + _CHARACTER * max(map(len, values)))
    longest = _WIDTH - left - 60  # room for the values on the right
    parts = [
        _head(_TOP + 30 * len(values) + 10, 13, theme),
        f'<text x="8" y="24" font-size="14">{title}</text>',
    ]
    for row, (name, value) in enumerate(values.items()):
        y, width = _TOP + 30 * row, round(max(1.0, longest * value / max(values.values())), 1)
        place = f'x="{left}" y="{y}" width="{width}" height="20"'
        parts += [
            f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{name}</text>',
            f'<rect {place} fill="{theme.colour(name)}"/>',
            f'<text x="{round(left + width + 6, 1)}" y="{y + 15}">{value:,.3g}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """Logarithmic, from a power of ten to a power of ten."""

    def __init__(self, values: Sequence[float]) -> None:
        self._low = math.floor(math.log10(min(values)))
        self._high = max(self._low + 1, math.ceil(math.log10(max(values))))

    def at(self, value: float) -> float:
        return (math.log10(value) - self._low) / (self._high - self._low)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]


def _head(height: int, size: int, theme: Theme) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="{size}" fill="{theme.ink}">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="{theme.paper}"/>'
    )


def _x(share: float) -> float:
    return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def _vertical(axis: _Axis, value: float, theme: Theme) -> str:
    at = _x(axis.at(value))
    return (
        f'<path d="M{at} {_y(0)}V{_y(1)}" stroke="{theme.grid}"/>'
        f'<text x="{at}" y="{_y(0) + 18}" text-anchor="middle">{value:,g}</text>'
    )


def _horizontal(axis: _Axis, value: float, theme: Theme) -> str:
    at = _y(axis.at(value))
    return (
        f'<path d="M{_x(0)} {at}H{_x(1)}" stroke="{theme.grid}"/>'
        f'<text x="{_x(0) - 8}" y="{at + 4}" text-anchor="end">{value:,g}</text>'
    )


def _line(at: Points, colour: str) -> list[str]:
    path = " ".join(f"{a},{b}" for a, b in at)
    dots = [f'<circle cx="{a}" cy="{b}" r="3" fill="{colour}"/>' for a, b in at]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>', *dots]


def _names(ends: Mapping[str, tuple[float, float]], theme: Theme) -> list[str]:
    """Return a name next to the end of each line, none over another."""
    parts, above = [], -math.inf
    for name, (x, y) in sorted(ends.items(), key=lambda each: each[1][1]):
        above = max(y, above + _LINE)
        parts.append(
            f'<text x="{x + 8}" y="{above + 4:g}" fill="{theme.colour(name)}">{name}</text>'
        )
    return parts
