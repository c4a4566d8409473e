"""Writes the licence of each package that ships into docs/project.md, from the bill of materials.

    python -m release.licences dist/presign.cdx.json

`problems` is the gate: a licence that is not known to fit is an error.
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from release.version import ROOT

PAGE: Final = ROOT / "docs" / "project.md"
# Permissive, or (MPL) with duties for its own files only, which ship unchanged.
FIT: Final = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Python-2.0",
    }
)
# As classifiers of packages name them.
CLASSIFIERS: Final = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# Packages whose metadata has no name of a licence, by the licence file in their archive.
READ: Final = {"multidict": "Apache-2.0", "protobuf": "BSD-3-Clause", "wrapt": "BSD-2-Clause"}
# Not from a package registry: service/console/page/lean_qr.js.
COPIED: Final = ("lean-qr", "2.7.4", "MIT")
_HEAD: Final = "| licence | packages |\n| --- | --- |\n"


def rows(bill: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, version and SPDX expression of each package."""
    found = [(each["name"], each["version"], licence_of(each)) for each in bill["components"]]
    return sorted([*found, COPIED], key=lambda row: row[0].lower())


def licence_of(component: dict[str, Any]) -> str:
    """Return an SPDX expression, which is empty without a licence. Of several each must fit."""
    if component["name"] in READ:
        return READ[component["name"]]
    names = [_name(each) for each in component.get("licenses", [])]
    return " AND ".join(sorted(set(filter(None, names))))


def _name(entry: dict[str, Any]) -> str:
    if "expression" in entry:
        return str(entry["expression"])
    licence = entry["license"]
    return str(licence.get("id") or CLASSIFIERS.get(licence["name"], licence["name"]))


def problems(found: Iterable[tuple[str, str, str]]) -> list[str]:
    return [f"{name}: {licence or 'no licence'}" for name, _, licence in found if not fits(licence)]


def fits(expression: str) -> bool:
    """Of alternatives one must fit. Beside an AND all must, even if they are alternatives."""
    names = [part.strip(" ()") for part in re.split(r"\b(?:AND|OR)\b", expression)]
    enough = all if re.search(r"\bAND\b", expression) else any
    return enough(name in FIT for name in names)


def page(text: str, bill: dict[str, Any]) -> str:
    """Return the page with the current table, which is at its end.

    It has no versions, which are in the bill: a new one with the same licence does not change it.
    """
    by_licence: dict[str, list[str]] = {}
    for name, _, licence in rows(bill):
        by_licence.setdefault(licence, []).append(name)
    table = [f"| {each} | {', '.join(found)} |\n" for each, found in sorted(by_licence.items())]
    before, head, _ = text.partition(_HEAD)
    return before + head + "".join(table)


if __name__ == "__main__":
    shipped = json.loads(Path(sys.argv[1]).read_text())
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), shipped), encoding="utf-8")
