"""The dashboard: each panel uses existing metrics, and every metric is shown."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any, Final

import pytest

from tests.deploy.grafana import promql
from tests.deploy.grafana.metrics import (
    GRAFANA,
    OF_THE_TARGET,
    family,
    metrics_of,
    problems,
    scraped,
)

TEXT: Final = (GRAFANA / "dashboard.json").read_text(encoding="utf-8")
BOARD: Final[dict[str, Any]] = json.loads(TEXT)
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
VARIABLES: Final = {each["name"]: each for each in BOARD["templating"]["list"]}
COLUMNS: Final = 24  # of Grafana's grid


def panels() -> list[dict[str, Any]]:
    return [each for each in BOARD["panels"] if each["type"] != "row"]


def expressions() -> Iterator[str]:
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]


each_panel = pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])


@each_panel
def test_each_panel_uses_existing_metrics_and_labels(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    assert [fault for target in panel["targets"] for fault in problems(target["expr"])] == []


@each_panel
def test_each_panel_is_complete_and_has_no_datasource(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == DATASOURCE
    assert [each["datasource"] for each in panel["targets"]] == [DATASOURCE] * len(panel["targets"])
    letters = [each["refId"] for each in panel["targets"]]
    assert len(set(letters)) == len(letters)


@each_panel
def test_each_legend_uses_labels_of_the_expression(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        left = promql.read(target["expr"]).shown
        assert left is not None, "each series of a scrape by itself is too many"
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert named == left


@each_panel
def test_each_panel_filters_by_the_variables(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        for selectors in promql.read(target["expr"]).selectors:
            wanted = OF_THE_TARGET | (scraped().labels[selectors.name] & {"bucket"})
            # One replica's sessions are those of all buckets together, as is their limit
            unfiltered = {"bucket"} if selectors.name == "presign_sessions" else set()
            assert wanted - set(selectors.matched) <= unfiltered
            for label in OF_THE_TARGET:
                assert selectors.matched[label] == [f"${label}"]


def test_every_metric_of_the_service_is_on_the_dashboard() -> None:
    assert metrics_of(expressions()) == {family(name) for name in scraped().kinds}


def test_counters_are_shown_as_rates() -> None:
    for text in expressions():
        expression = promql.read(text)
        if any(family(each.name) != each.name for each in expression.selectors):
            assert {"rate", "increase"} & set(expression.functions), text


def test_ids_are_unique_and_panels_do_not_overlap() -> None:
    found = BOARD["panels"]
    places = [each["gridPos"] for each in found]
    for member in ("id", "title"):
        assert len({each[member] for each in found}) == len(found)
    for place in places:
        assert 0 <= place["x"] < place["x"] + place["w"] <= COLUMNS
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart, (one, other)
    assert places == sorted(places, key=lambda place: place["y"])


def test_it_can_be_imported_with_any_datasource_name() -> None:
    assert BOARD["uid"] == "presign"
    assert BOARD["id"] is None, "Grafana gives one"
    assert BOARD["schemaVersion"] >= 39  # Grafana 11
    assert VARIABLES["datasource"]["type"] == "datasource"
    assert VARIABLES["datasource"]["query"] == "prometheus"
    assert set(re.findall(r'"uid": "([^"]*)"', TEXT)) == {"${datasource}", "presign"}


def test_each_variable_is_used_and_defined() -> None:
    used = set(re.findall(r"\$\{?(\w+)", TEXT)) - {"__rate_interval", "__all"}
    assert used == set(VARIABLES)


@pytest.mark.parametrize("name", sorted(set(VARIABLES) - {"datasource"}))
def test_a_variables_values_come_from_a_label(name: str) -> None:
    variable = VARIABLES[name]
    assert variable["datasource"] == DATASOURCE
    assert variable["allValue"] == ".*", "a scrape may have no namespace"
    [(series, label)] = re.findall(r"^label_values\((.*), (\w+)\)$", variable["query"]["query"])
    assert label == name
    assert label in scraped().labels["presign_bucket_can_sign"] | OF_THE_TARGET
    assert problems(series) == []
