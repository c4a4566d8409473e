"""The Helm chart as `helm template` renders it: by Helm's own engine, without its program."""

import shlex
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

import helm_python

from tools import ROOT

CHART: Final = ROOT / "deploy" / "helm"
EXAMPLES: Final = CHART / "examples"
NOTES: Final = "presign/templates/NOTES.txt"

Values = dict[str, Any]


def manifests(values: Values, *, name: str = "presign", namespace: str = "presign") -> str:
    """Return what `helm install` would send. Raises helm_python.HelmError."""
    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render(values, name=name, namespace=namespace)
    return "\n---\n".join(text for path, text in rendered.items() if path != NOTES)


def notes(values: Values) -> str:
    with helm_python.Chart.load(CHART) as chart:
        return chart.render(values, name="presign", namespace="presign")[NOTES]


def templated(command: str) -> str:
    """Return the output of a `helm template` command with paths relative to the root."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("name")
    parser.add_argument("chart")
    parser.add_argument("-n", "--namespace", required=True)
    parser.add_argument("-f", "--values", action="append", default=[])
    parser.add_argument("--set-file", action="append", default=[])
    program, action, *words = shlex.split(command)
    assert (program, action) == ("helm", "template")
    given = parser.parse_args(words)
    assert ROOT / given.chart == CHART
    values = values_of(*(ROOT / path for path in given.values))
    for name, path in (each.split("=") for each in given.set_file):
        values[name] = (ROOT / path).read_text(encoding="utf-8")
    return manifests(values, name=given.name, namespace=given.namespace)


def values_of(*files: Path) -> Values:
    """Return the values of several files: maps are merged, otherwise the last file decides."""
    merged: Values = {}
    for file in files:
        merged = merge(merged, helm_python.values_from_yaml(file.read_text(encoding="utf-8")))
    return merged


def merge(values: Values, more: Values) -> Values:
    both = {
        name: merge(values[name], more[name])
        for name in values.keys() & more.keys()
        if isinstance(values[name], dict) and isinstance(more[name], dict)
    }
    return values | more | both
