"""Draws panels of deploy/grafana/dashboard.json as SVG, where Grafana itself is not run."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from benchmarks.plots import Theme

Points = Sequence[tuple[float, float]]  # seconds and values
Lines = Mapping[str, Points]  # by the name in the legend

COLUMN, ROW = 54, 26  # of Grafana's grid, in pixels
GAP: Final = 8
LAST_ROW: Final = 43  # below it the panels are about what seldom happens
COLOURS: Final = ("#3b82f6", "#d97706", "#16a34a", "#dc2626", "#8b5cf6", "#0891b2", "#db2777")
UNITS: Final = {"s": " s", "ops": "/s", "reqps": "/s", "percent": " %", "Bps": " B/s"}
LEGEND_WIDTH: Final = 6.2  # pixels of a character


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float


def shown(dashboard: Mapping[str, Any]) -> list[Any]:
    """Return the panels and headings that the picture has."""
    return [each for each in dashboard["panels"] if each["gridPos"]["y"] < LAST_ROW]


def draw(dashboard: Mapping[str, Any], data: Mapping[str, Lines], theme: Theme) -> str:
    """`data` are the lines of each panel, by its title."""
    panels = shown(dashboard)
    width, height = 24 * COLUMN + GAP, max(map(bottom, panels)) * ROW + GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="11" fill="{theme.ink}">\n'
        f'<rect width="{width}" height="{height}" fill="{theme.paper}"/>'
    )
    parts = [head]
    for panel in panels:
        box = box_of(panel["gridPos"])
        title = escape(panel["title"])
        if panel["type"] == "row":
            place = f'x="{box.x + 4}" y="{box.y + 16}"'
            parts.append(f'<text {place} font-size="14" font-weight="bold">{title}</text>')
            continue
        parts.append(frame(box, title, theme))
        draw_panel = stat if panel["type"] == "stat" else chart
        parts += draw_panel(panel, box, data[panel["title"]], theme)
    return "\n".join([*parts, "</svg>", ""])


def bottom(panel: Mapping[str, Any]) -> int:
    return int(panel["gridPos"]["y"] + panel["gridPos"]["h"])


def box_of(grid: Mapping[str, int]) -> Box:
    return Box(
        grid["x"] * COLUMN + GAP,
        grid["y"] * ROW + GAP,
        grid["w"] * COLUMN - GAP,
        grid["h"] * ROW - GAP,
    )


def frame(box: Box, title: str, theme: Theme) -> str:
    return (
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="3" '
        f'fill="none" stroke="{theme.grid}"/>'
        f'<text x="{box.x + 10}" y="{box.y + 18}" font-size="12" font-weight="bold">{title}</text>'
    )


def stat(panel: Mapping[str, Any], box: Box, lines: Lines, _: Theme) -> Iterator[str]:
    """Yield a green or red tile for each series, with the text of its last value."""
    texts = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    height = (box.height - 34) / max(1, len(lines))
    for number, (name, points) in enumerate(lines.items()):
        text = texts[f"{points[-1][1]:g}"]
        y = box.y + 28 + number * height
        colour = {"green": "#15803d", "red": "#b91c1c"}[text["color"]]
        middle = f'x="{box.x + box.width / 2}" fill="white" text-anchor="middle"'
        yield (
            f'<rect x="{box.x + 8}" y="{y:g}" width="{box.width - 16}" height="{height - 6:g}" '
            f'rx="3" fill="{colour}"/>'
            f'<text {middle} y="{y + height / 2 - 8:g}" font-size="14">{escape(name)}</text>'
            f'<text {middle} y="{y + height / 2 + 18:g}" font-size="24">{text["text"]}</text>'
        )


def chart(panel: Mapping[str, Any], box: Box, lines: Lines, theme: Theme) -> Iterator[str]:
    """Yield lines over a linear axis from 0, and the legend."""
    unit = UNITS.get(panel["fieldConfig"]["defaults"]["unit"], "")
    plot = Box(box.x + 58, box.y + 30, box.width - 82, box.height - 74)
    if not lines:
        middle = f'x="{box.x + box.width / 2}" y="{box.y + box.height / 2}" text-anchor="middle"'
        yield f'<text {middle} fill="{theme.grey}" font-size="13">No data</text>'
        return
    times = [time for points in lines.values() for time, _ in points]
    top = nice(max(value for points in lines.values() for _, value in points))
    start, end = min(times), max(times)
    for share in (0.0, 0.5, 1.0):
        y = plot.y + plot.height * (1 - share)
        yield f'<path d="M{plot.x} {y:g}h{plot.width}" stroke="{theme.grid}"/>'
        label = f"{top * share:,g}{unit}"
        yield f'<text x="{plot.x - 6}" y="{y + 4:g}" text-anchor="end">{label}</text>'
        x, late = plot.x + plot.width * share, round((end - start) * share)
        clock = f"{late // 60}:{late % 60:02}"
        yield f'<text x="{x:g}" y="{plot.y + plot.height + 16:g}" text-anchor="middle">{clock}</text>'
    for colour, points in zip(COLOURS, lines.values(), strict=False):
        path = " ".join(
            f"{plot.x + plot.width * (time - start) / (end - start):.1f},"
            f"{plot.y + plot.height * (1 - value / top):.1f}"
            for time, value in points
        )
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    yield from legend(list(lines), box)


def legend(names: Sequence[str], box: Box) -> Iterator[str]:
    x, y = box.x + 12, box.y + box.height - 10
    for colour, name in zip(COLOURS, names, strict=False):
        width = 20 + LEGEND_WIDTH * len(name)
        if x + width > box.x + box.width:
            return
        yield f'<rect x="{x:g}" y="{y - 6:g}" width="10" height="3" fill="{colour}"/>'
        yield f'<text x="{x + 14:g}" y="{y:g}">{escape(name)}</text>'
        x += width + 6


def nice(value: float) -> float:
    """Return the next of 1, 2, 4, 6, 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** int(f"{value:e}".partition("e")[2])
    return next(step * power for step in (1, 2, 4, 6, 10) if step * power >= value)


def named(template: str, labels: Mapping[str, str]) -> str:
    """Fill in the legend of a target, such as `{{bucket}}`."""
    return re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), template)
