"""The alert rules: they use existing metrics, say what to do, and fire when they must."""

import re
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from service.config.server import ServerSettings
from service.sessions.pool import MAX_SESSIONS
from tests.deploy.grafana import promql
from tests.deploy.grafana.metrics import (
    GRAFANA,
    OF_THE_TARGET,
    ROOT,
    family,
    metrics_of,
    problems,
    scraped,
)
from tests.docs.test_documents import headings

FILE: Final = GRAFANA / "alerts.yaml"
TESTS: Final = GRAFANA / "alerts_test.yaml"
METRICS: Final = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
# A row of the page has a runbook, and its alerts: of the severity `ticket`, unless it names another.
ROW: Final = re.compile(r"^\| \[[^]]+\]\((\S+\.md#\S+)\) \| (`Presign.+) \|$", re.MULTILINE)
ALERT: Final = re.compile(r"`(Presign\w+)`(?: \((\w+)\))?: \w")
# Metrics for the dashboard only, without an alert. Dropped bodies cost bandwidth, and nobody fails.
# Requests by API key are looked at when a key is rotated. Of hooks the oldest refused event counts.
UNWATCHED: Final = {
    "presign_refused",
    "presign_arrivals",
    "presign_api_key_requests",
    "presign_diagnoses",
    "presign_session_seconds_left",
    "presign_discarded_body_bytes",
}


def rules() -> list[dict[str, Any]]:
    [group] = YAML(typ="safe").load(FILE)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


each_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])


@each_rule
def test_each_alert_uses_existing_metrics_and_labels(rule: dict[str, Any]) -> None:
    assert problems(rule["expr"]) == []


def test_an_expression_with_unknown_names_is_detected() -> None:
    refreshes = "presign_session_refreshes_total"
    for wrong in (
        "presign_session_refreshes > 0",
        f'{refreshes}{{outcome="refused"}} > 0',
        f'{refreshes}{{outcome=~"failed|throtled"}} > 0',
        f'{refreshes}{{caller="a"}} > 0',
        f"sum by (caller) ({refreshes}) > 0",
        "presign_session_refresh_seconds > 0",
        'presign_lifetimes_limited_total{by="sessions"} > 0',
        'presign_http_request_seconds_count{status=~"6.."} > 0',
        'presign_http_request_seconds_count{route=~"/v2/.*"} > 0',
    ):
        assert len(problems(wrong)) == 1, wrong


@each_rule
def test_each_alert_has_a_summary_description_and_runbook(rule: dict[str, Any]) -> None:
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert set(rule["labels"]) == {"severity"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor in headings(ROOT / page)


@each_rule
def test_each_alert_shows_labels_of_its_expression(rule: dict[str, Any]) -> None:
    said = " ".join(rule["annotations"].values())
    shown = set(re.findall(r"\$labels\.(\w+)", said))
    expression = promql.read(rule["expr"])
    series = (scraped().labels[each.name] for each in expression.selectors)
    left = OF_THE_TARGET.union(*series) if expression.shown is None else expression.shown
    assert shown <= left


@each_rule
def test_the_range_is_shorter_than_the_for_clause(rule: dict[str, Any]) -> None:
    """Otherwise a single event would be visible long enough to fire."""
    if rule["alert"] in {"PresignSignsNothing", "PresignAbsent"}:  # these detect an absence
        return
    if "for" in rule:
        assert promql.seconds(rule["for"]) > max(promql.read(rule["expr"]).ranges, default=0)


def test_alerts_group_by_namespace_and_job() -> None:
    for rule in rules():
        grouped = promql.read(rule["expr"]).grouped
        assert not grouped or grouped >= {"namespace", "job"}, rule["alert"]


def test_alert_names_are_unique_and_metrics_have_alerts() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    used = metrics_of(rule["expr"] for rule in rules())
    assert {family(name) for name in scraped().kinds} - used == UNWATCHED


def test_the_numbers_in_the_rules_match_the_service() -> None:
    full = {rule["alert"]: rule["expr"] for rule in rules()}
    in_flight = ServerSettings.model_fields["max_in_flight"].default
    assert full["PresignFull"].endswith(f"> 0.8 * {in_flight}")
    assert full["PresignSessionsNearlyFull"].endswith(f"> 0.9 * {MAX_SESSIONS}")
    assert f"{in_flight} is `max_in_flight`, and {MAX_SESSIONS:,} sessions" in METRICS


def test_the_page_has_each_alert_with_its_severity_and_runbook() -> None:
    documented = {
        (name, severity or "ticket", f"docs/{runbook}")
        for runbook, alerts in ROW.findall(METRICS)
        for name, severity in ALERT.findall(alerts)
    }
    assert documented == {
        (rule["alert"], rule["labels"]["severity"], rule["annotations"]["runbook"])
        for rule in rules()
    }


def test_each_alert_is_tested_firing_and_silent() -> None:
    fires, silent = set(), set()
    for group in YAML(typ="safe").load(TESTS)["tests"]:
        alert, _, way = group["name"].partition(" ")
        expected = [each["exp_samples"] for each in group["promql_expr_test"]]
        there = any(
            f'alertname="{alert}"' in each["labels"] for found in expected for each in found
        )
        if way.startswith("fires "):
            assert there, group["name"]
            fires.add(alert)
        elif way.startswith("is silent "):
            assert not there, group["name"]
            silent.add(alert)
    assert fires == silent == {rule["alert"] for rule in rules()}
