"""Standard validators check the deployment files. `make validate` runs these tests.

Each validator also gets a file with an error, to show that it can detect one.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.validators.validating import (
    compose_schema,
    hadolint,
    kubernetes,
    promtool,
    read,
    yamllint,
)
from tools import ROOT

Validator = Callable[[Path], str]
GRAFANA: Final = ROOT / "deploy" / "grafana"


def holding(directory: Path, key: str) -> list[Path]:
    """Return the YAML files with such a key."""
    return [path for path in sorted(directory.rglob("*.yaml")) if key in yaml(path)]


def yaml(path: Path) -> Any:
    return next(read(path.read_text()))


RULES: Final = holding(GRAFANA, "groups")
RULE_TESTS: Final = holding(GRAFANA, "rule_files")


def rules(path: Path) -> str:
    return promtool("check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize(
    ("validator", "path"),
    [
        (yamllint, Path()),  # the root, since its `ignore` paths are relative to it
        (hadolint, ROOT / "Dockerfile"),
        (hadolint, ROOT / "deploy" / "image" / "base.Dockerfile"),
        (compose_schema, ROOT / "docker-compose.yml"),
        *((rules, path) for path in RULES),
    ],
)
def test_the_validator_finds_nothing(validator: Validator, path: Path) -> None:
    assert validator(path) == ""


@pytest.mark.parametrize(
    ("validator", "name", "text", "error"),
    [
        (yamllint, "a.yaml", "a: 1\na: 2\n", "key-duplicates"),
        (hadolint, "Dockerfile", "FROM python:3.13-slim\nRUN pip install click\n", "DL3013"),
        (compose_schema, "compose.yml", "services: {a: {image: a, readonly: 1}}\n", "readonly"),
        (rules, "a.yaml", "groups: [{name: a, rules: [{alert: A, expr: '(('}]}]\n", "parse error"),
    ],
)
def test_the_validator_detects_an_error(
    tmp_path: Path, validator: Validator, name: str, text: str, error: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert error in validator(path)


def test_alerts_and_their_tests_exist() -> None:
    assert RULES
    assert RULE_TESTS


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ({"spec": {"selector": {}, "template": {}, "replica": 2}}, "replica"),
        ({"spec": {"selector": {}}}, "template"),
        ({"kind": "Deploymnet"}, "Deploymnet"),
        ({"apiVersion": "apps/v2"}, "apps/v2"),
    ],
    ids=["an unknown field", "a missing field", "a kind", "a version"],
)
def test_a_wrong_manifest_is_invalid(error: dict[str, Any], named: str) -> None:
    sound = {"spec": {"selector": {}, "template": {}}, "metadata": {"name": "presign"}}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment"} | sound | error
    (refusal,) = kubernetes(json.dumps(manifest))
    assert named in refusal


@pytest.mark.parametrize("tests", RULE_TESTS, ids=lambda path: path.name)
def test_the_alert_tests_pass(tests: Path) -> None:
    assert promtool("test", "rules", tests) == ""
