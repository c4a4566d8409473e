"""Renders deploy/helm for `kubectl apply`, where there is no Helm: `make manifests` calls it.

Helm's own engine renders, so the output and the options are those of `helm template`. It has no
package for Intel Macs: tests that render are skipped there.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tools import ROOT

CHART: Final = ROOT / "deploy" / "helm"
NOTES: Final = "presign/templates/NOTES.txt"

Values = dict[str, Any]


def manifests(values: Values, *, name: str = "presign", namespace: str = "presign") -> str:
    """Return what `helm install` would send. Raises helm_python.HelmError."""
    import helm_python  # noqa: PLC0415  # not on Intel Macs

    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render(values, name=name, namespace=namespace)
    return "\n---\n".join(text for path, text in rendered.items() if path != NOTES)


def values_of(*files: Path) -> Values:
    """Return the values of several files: maps are merged, otherwise the last file decides."""
    import helm_python  # noqa: PLC0415  # not on Intel Macs

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


def rendered(words: Sequence[str]) -> str:
    """Return the manifests for the options of `helm template`. Raises helm_python.HelmError."""
    parser = ArgumentParser("python -m tools.manifests", description="Render the Helm chart.")
    parser.add_argument("name", nargs="?", default="presign")
    parser.add_argument("-n", "--namespace", default="presign")
    parser.add_argument("-f", "--values", action="append", default=[], type=Path)
    parser.add_argument("--set-file", action="append", default=[], metavar="NAME=FILE")
    given = parser.parse_args(words)
    values = values_of(*given.values)
    for name, _, path in (each.partition("=") for each in given.set_file):
        values[name] = Path(path).read_text(encoding="utf-8")
    return manifests(values, name=given.name, namespace=given.namespace)


if __name__ == "__main__":
    import helm_python

    try:
        print(rendered(sys.argv[1:]))
    except (helm_python.HelmError, OSError) as error:
        raise SystemExit(f"The chart cannot be rendered: {error}") from error
