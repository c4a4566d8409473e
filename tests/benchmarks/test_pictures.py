"""The plots of the pages: they are drawn from the results, and can be read."""

import json
import re
from typing import Final

import pytest

from benchmarks import plots
from benchmarks.pictures import RESULTS, drawn

DRAWN: Final = drawn(json.loads((RESULTS / "results.json").read_text(encoding="utf-8")))
WIDTH: Final = 6.5  # of a character, at least on average
END: Final = re.compile(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="end">([^<]+)<')
NAME: Final = re.compile(r'<text x="[\d.]+" y="([\d.]+)" fill="(#\w+)">([\w, ]+)<')


@pytest.mark.parametrize("name", DRAWN)
def test_the_plot_on_the_page_is_that_of_the_results(name: str) -> None:
    shown = (RESULTS / name).read_text(encoding="utf-8")
    assert shown == DRAWN[name], "run `python -m benchmarks.pictures`"


@pytest.mark.parametrize("name", DRAWN)
def test_no_label_is_cut_at_the_left(name: str) -> None:
    labels = END.findall(DRAWN[name])
    assert len(labels) >= 4
    assert [text for x, text in labels if float(x) < WIDTH * len(text)] == []


def test_names_of_lines_that_end_together_are_apart() -> None:
    together = {"presign": [(1.0, 1.0), (10.0, 20.0)], "hello": [(1.0, 1.0), (10.0, 20.1)]}
    heights = sorted(float(y) for y, *_ in NAME.findall(plots.lines("", "", "", together)))
    assert heights[1] - heights[0] >= 12


@pytest.mark.parametrize("suffix", ["", "-dark"])
def test_a_service_has_one_colour_in_all_plots(suffix: str) -> None:
    colours: dict[str, set[str]] = {}
    for name in ("batch-size", "offered-load"):
        for _, colour, service in NAME.findall(DRAWN[f"{name}{suffix}.svg"]):
            colours.setdefault(service, set()).add(colour)
    bars = re.findall(r'>([\w, ]+)</text>\n<rect [^>]*fill="(#\w+)"', DRAWN[f"one-url{suffix}.svg"])
    colours["presign"] |= {colour for service, colour in bars if service.startswith("presign")}
    assert {name: len(each) for name, each in colours.items()} == dict.fromkeys(
        ("presign", "naive", "hello"), 1
    )
    assert len(set.union(*colours.values())) == 3
