"""Draws the plots of the pages from `benchmarks/results/results.json`.

`python -m benchmarks.pictures` draws them again from the existing results.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import over_http, plots, signers

RESULTS: Final = Path(__file__).parent / "results"
TOKEN_LENGTH: Final = 352  # of the figures in the README


def drawn(results: Mapping[str, Any]) -> dict[str, str]:
    """Return each plot by the name of its file, for light and for dark pages."""
    costs = {name: median(results["core"][f"{name} {TOKEN_LENGTH}"]) for name in signers.URLS}
    sizes = {
        name: list(zip(over_http.SIZES, costs, strict=True))
        for name, costs in results["sizes"].items()
    }
    rates = {
        name: [(rate, late) for rate, _, late in line] for name, line in results["rates"].items()
    }
    axes = ("requests a second, offered", "99th percentile, ms")
    plots_by_name = {
        "one-url": partial(plots.bars, "CPU time to sign one URL, µs", costs),
        "batch-size": partial(
            plots.lines, "What a batch costs", "URLs in the batch", "CPU ms a request", sizes
        ),
        "offered-load": partial(plots.lines, "Latency under load, one worker", *axes, rates),
    }
    themes = {"": plots.LIGHT, "-dark": plots.DARK}
    return {
        f"{name}{suffix}.svg": plot(theme=theme)
        for name, plot in plots_by_name.items()
        for suffix, theme in themes.items()
    }


def write(results: Mapping[str, Any]) -> None:
    for name, plot in drawn(results).items():
        (RESULTS / name).write_text(plot, encoding="utf-8")


if __name__ == "__main__":
    write(json.loads((RESULTS / "results.json").read_text(encoding="utf-8")))
