"""Builds all that is published from one source, at one time, into one folder.

Equal sources give equal bytes, wherever and whenever they are built by the locked tools.
"""

import hashlib
from pathlib import Path
from typing import Final

from release.chart import chart
from release.packages import bill, npm_package, python_packages
from release.readmes import write_absolute
from release.version import current, numbers

SUMS: Final = "SHA256SUMS"


def build(source: Path, out: Path, *, epoch: int, runtime: Path) -> None:
    """`epoch` is the time of all files, in seconds. `runtime`: see `packages.bill`.

    The links of the pages of `source`, which is a copy, become absolute.
    """
    version = current(source)
    numbers(version)
    write_absolute(source, version)
    out.mkdir(parents=True, exist_ok=True)
    environment = {"SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    python_packages(source, out, environment)
    npm_package(source, out, environment)
    chart(source, out, version, epoch)
    bill(source, out, runtime, environment)


def write_sums(out: Path) -> None:
    """`sha256sum --check SHA256SUMS` reads it."""
    files = sorted(each for each in out.iterdir() if each.name != SUMS)
    lines = [f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in files]
    (out / SUMS).write_text("".join(lines), encoding="ascii")
