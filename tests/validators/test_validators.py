"""Standard validators check the deployment files. `make validate` runs these tests.

Each validator also gets a file with an error, to show that it can detect one.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tests.validators.validating import (
    KUBERNETES,
    built,
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


KUSTOMIZATIONS: Final = [path.parent for path in sorted(KUBERNETES.rglob("kustomization.yaml"))]
COMPONENTS: Final = [path for path in KUSTOMIZATIONS if path.parent.name == "components"]
OVERLAYS: Final = [path for path in KUSTOMIZATIONS if path.parent.name == "overlays"]
EXAMPLES: Final = sorted(KUBERNETES.glob("examples/*.yaml"))
RULES: Final = holding(GRAFANA, "groups")
RULE_TESTS: Final = holding(GRAFANA, "rule_files")


def lacks(overlay: Path, component: Path) -> bool:
    named = yaml(overlay / "kustomization.yaml").get("components", [])
    return component not in [(overlay / each).resolve() for each in named]


def part(path: Path) -> str:
    return str(path.relative_to(KUBERNETES))


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


def test_manifests_and_alerts_exist() -> None:
    assert OVERLAYS
    assert RULES
    assert RULE_TESTS


@pytest.mark.parametrize(
    "directory", [each for each in KUSTOMIZATIONS if each not in COMPONENTS], ids=part
)
def test_the_kustomize_output_is_valid(directory: Path) -> None:
    manifests = built(directory)
    assert list(read(manifests))
    assert kubernetes(manifests) == []


@pytest.mark.parametrize("component", COMPONENTS, ids=part)
@pytest.mark.parametrize("overlay", OVERLAYS, ids=part)
def test_each_overlay_is_valid_with_each_further_component(
    tmp_path: Path, overlay: Path, component: Path
) -> None:
    """Components that are commented out must work once they are enabled."""
    more = [component] if lacks(overlay, component) else []
    kustomization: dict[str, Any] = {
        "resources": [os.path.relpath(overlay, tmp_path)],
        "components": [os.path.relpath(each, tmp_path) for each in more],
    }
    YAML(typ="safe").dump(kustomization, tmp_path / "kustomization.yaml")
    assert kubernetes(built(tmp_path)) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=part)
def test_each_example_is_valid(example: Path) -> None:
    assert kubernetes(example.read_text()) == []


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
def test_a_wrong_manifest_is_invalid(tmp_path: Path, error: dict[str, Any], named: str) -> None:
    sound = {"spec": {"selector": {}, "template": {}}, "metadata": {"name": "presign"}}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment"} | sound | error
    YAML(typ="safe").dump(manifest, tmp_path / "deployment.yaml")
    (tmp_path / "kustomization.yaml").write_text("resources: [deployment.yaml]\n")
    (refusal,) = kubernetes(built(tmp_path))
    assert named in refusal


@pytest.mark.parametrize("tests", RULE_TESTS, ids=lambda path: path.name)
def test_the_alert_tests_pass(tests: Path) -> None:
    assert promtool("test", "rules", tests) == ""
