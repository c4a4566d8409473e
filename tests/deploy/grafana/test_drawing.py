"""The picture of the dashboard has its panels, and shows what Prometheus said."""

import json
import re
from html import escape
from typing import Any, Final

import pytest

from benchmarks.plots import LIGHT
from tests.deploy.grafana.metrics import GRAFANA
from tools.dashboard_drawing import Box, chart, named, nice, shown, stat

DASHBOARD: Final = json.loads((GRAFANA / "dashboard.json").read_text(encoding="utf-8"))
BOX: Final = Box(0, 0, 400, 200)


def panel(title: str) -> Any:
    [found] = [each for each in DASHBOARD["panels"] if each["title"] == title]
    return found


@pytest.mark.parametrize("name", ["dashboard.svg", "dashboard-dark.svg"])
def test_the_picture_has_the_panels_of_the_dashboard(name: str) -> None:
    picture = (GRAFANA / name).read_text(encoding="utf-8")
    titles = [escape(each["title"]) for each in shown(DASHBOARD)]
    assert len(titles) >= 15
    assert re.findall(r'font-weight="bold">([^<]+)<', picture) == titles, "run `make screenshots`"


def test_a_line_is_drawn_from_zero_to_a_round_value() -> None:
    lines = {"get": [(0.0, 0.0), (60.0, 3.0)]}
    drawn = "".join(chart(panel("Signed by operation"), BOX, lines, LIGHT))
    assert 'points="58.0,156.0 376.0,61.5"' in drawn  # 3 of 4
    assert [found for found in re.findall(r">([^<>]+)<", drawn) if "/s" in found] == [
        "0/s",
        "2/s",
        "4/s",
    ]
    assert ">1:00<" in drawn
    assert ">get<" in drawn


def test_a_panel_without_lines_says_so() -> None:
    assert "No data" in "".join(chart(panel("Signed by operation"), BOX, {}, LIGHT))


@pytest.mark.parametrize(("value", "text"), [(1.0, "yes"), (0.0, "no")])
def test_a_tile_has_the_text_of_the_last_value(value: float, text: str) -> None:
    drawn = "".join(stat(panel("Can sign"), BOX, {"reports": [(0.0, 1.0), (1.0, value)]}, LIGHT))
    assert f">{text}<" in drawn


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.03, 0.04), (3, 4), (10, 10), (61, 100)])
def test_an_axis_ends_at_a_round_value(value: float, top: float) -> None:
    assert nice(value) == pytest.approx(top)


def test_a_legend_has_the_labels_of_its_series() -> None:
    assert named("{{bucket}}, {{ outcome }}", {"bucket": "a", "outcome": "ok"}) == "a, ok"
