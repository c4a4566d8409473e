"""Plots as SVG, by hand: lines over logarithmic axes, and bars, are all that is needed."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 130, 40, 50
_HEAD: Final = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
    'font-family="sans-serif" font-size="12">'
)
_GREY: Final = "#8a94a6"
_COLOURS: Final = ("#0b6e4f", "#c0392b", "#2c5aa0", "#8e6c00")


def lines(title: str, x: str, y: str, series: Mapping[str, Points]) -> str:
    """`x` and `y` name the axes."""
    points = [point for line in series.values() for point in line]
    across, up = _Axis([p[0] for p in points]), _Axis([p[1] for p in points])
    parts = [
        _HEAD,
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{title}</text>',
        f'<text x="{_x(0.5)}" y="{_HEIGHT - 10}" text-anchor="middle">{x}</text>',
        f'<text transform="translate(16,{_y(0.5)}) rotate(-90)" text-anchor="middle">{y}</text>',
        *(_vertical(across, value) for value in across.ticks()),
        *(_horizontal(up, value) for value in up.ticks()),
    ]
    for colour, (name, line) in zip(_COLOURS, series.items(), strict=False):
        parts += _line(name, [(_x(across.at(a)), _y(up.at(b))) for a, b in line], colour)
    return "\n".join([*parts, "</svg>", ""])


def bars(title: str, values: Mapping[str, float]) -> str:
    """Return one bar for each value, on a linear scale from 0. The first has the colour of presign."""
    height = _TOP + 30 * len(values) + 10
    longest = _WIDTH - _LEFT - 80  # room for the names on the left, for the values on the right
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{_LEFT}" y="24" font-size="14">{title}</text>',
    ]
    for row, (name, value) in enumerate(values.items()):
        y, width = _TOP + 30 * row, round(max(1.0, longest * value / max(values.values())), 1)
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{name}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{width}" height="20" fill="{_GREY if row else _COLOURS[0]}"/>',
            f'<text x="{_LEFT + width + 6}" y="{y + 15}">{value:,.3g}</text>',
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


def _x(share: float) -> float:
    return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def _vertical(axis: _Axis, value: float) -> str:
    at = _x(axis.at(value))
    return (
        f'<path d="M{at} {_y(0)}V{_y(1)}" stroke="#ddd"/>'
        f'<text x="{at}" y="{_y(0) + 18}" text-anchor="middle">{value:,g}</text>'
    )


def _horizontal(axis: _Axis, value: float) -> str:
    at = _y(axis.at(value))
    return (
        f'<path d="M{_x(0)} {at}H{_x(1)}" stroke="#ddd"/>'
        f'<text x="{_x(0) - 8}" y="{at + 4}" text-anchor="end">{value:,g}</text>'
    )


def _line(name: str, at: Points, colour: str) -> list[str]:
    path = " ".join(f"{a},{b}" for a, b in at)
    dots = [f'<circle cx="{a}" cy="{b}" r="3" fill="{colour}"/>' for a, b in at]
    last = at[-1]
    label = f'<text x="{last[0] + 8}" y="{last[1] + 4}" fill="{colour}">{name}</text>'
    return [f'<polyline points="{path}" fill="none" stroke="{colour}"/>', *dots, label]
