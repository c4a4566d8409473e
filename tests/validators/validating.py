"""Runs each validator and returns its output, which is empty if it finds no error."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
from ruamel.yaml import YAML

from tests.clients.toolchains import tool
from tests.support.processes import run_to_end
from tools import ROOT

BIN: Final = Path(sys.executable).parent
# Kinds of custom resources, without a schema in Kubernetes. Any other unknown kind is an error.
WITHOUT_SCHEMA: Final = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
}


def yamllint(path: Path) -> str:
    config = ROOT / ".yamllint.yaml"
    return said(BIN / "yamllint", "--strict", "--format", "parsable", "-c", config, path)


def hadolint(path: Path) -> str:
    return said(BIN / "hadolint", "--no-color", path)


def compose_schema(path: Path) -> str:
    return said(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)


def promtool(*arguments: str | Path) -> str:
    return said(tool("promtool", "promtool"), *arguments)


def kubernetes(manifests: str) -> list[str]:
    """Like `kubernetes-validate --strict`, which accepts kinds without a schema."""
    return [error for manifest in read(manifests) if (error := fault_of(manifest))]


def fault_of(manifest: dict[str, Any]) -> str:
    kind = (manifest["apiVersion"], manifest["kind"])
    if kind in WITHOUT_SCHEMA:
        return ""
    try:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.SchemaNotFoundError as error:
        return str(error.message)
    except kubernetes_validate.ValidationError as error:
        return f"{kind[1]} {list(error.absolute_path)}: {error.message}"
    return ""


def read(manifests: str) -> Iterator[dict[str, Any]]:
    return (each for each in YAML(typ="safe").load_all(manifests) if each is not None)


def said(*command: str | Path) -> str:
    done = run_to_end(command, cwd=ROOT)
    return "" if done.returncode == 0 else done.stdout + done.stderr
