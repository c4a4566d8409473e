"""docs/project.md and docs/hardening.md say what holds: versions, and settings that exist."""

import json
import re
import tomllib
from typing import Any, Final

import pytest

from tests.docs.documents import text_of
from tests.support.demo import ROOT

PROJECT: Final = text_of("docs/project.md")
MAKEFILE: Final = text_of("Makefile")


def project(directory: str) -> Any:
    return tomllib.loads((ROOT / directory / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize(
    ("directory", "row"), [(".", "the service"), ("client", "the client in Python")]
)
def test_the_oldest_python_is_that_of_the_distribution(directory: str, row: str) -> None:
    oldest = project(directory)["requires-python"].removeprefix(">=")
    assert f"| {row} | Python {oldest} or later" in PROJECT


def test_the_tested_pythons_are_those_of_the_makefile() -> None:
    [image] = re.findall(r"^ARG PYTHON=(.+)$", text_of("Dockerfile"), re.MULTILINE)
    [others] = re.findall(r"^OTHER_PYTHONS = (.+)$", MAKEFILE, re.MULTILINE)
    assert f"the image has Python {image}." in PROJECT
    assert f"A short suite runs on {' and '.join(others.split())}," in PROJECT


def test_the_oldest_node_is_that_of_the_package() -> None:
    package = json.loads((ROOT / "client/js/package.json").read_text())
    assert f"Node {package['engines']['node'].removeprefix('>=')} or later" in PROJECT


def test_kubernetes_is_what_the_manifests_need() -> None:
    [needed] = re.findall(r"Kubernetes ([\d.]+) or later", text_of("deploy/helm/README.md"))
    assert f"Kubernetes {needed} or later" in PROJECT


def test_no_call_is_deprecated_as_the_page_says() -> None:
    assert "None does today" in PROJECT
    assert "deprecated: true" not in text_of("openapi.yaml")


def test_the_version_is_that_of_the_contract() -> None:
    [version] = re.findall(r"^  version: (\S+)$", text_of("openapi.yaml"), re.MULTILINE)
    assert f"presign is at version {version}." in PROJECT


def test_hardening_names_settings_that_exist() -> None:
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", text_of("docs/hardening.md")))
    settings = set(
        re.findall(r"^\| `([a-z_]+)` \|", text_of("docs/configuration.md"), re.MULTILINE)
    )
    assert len(named) >= 10
    assert named <= settings
