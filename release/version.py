"""Write the next version, and move the fragments of `changes/` into CHANGELOG.md.

    python -m release.version 0.2.0

`service/__init__.py` has the version. Files that no Python reads have copies of it.
"""

import datetime as dt
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from release import changes

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = "service/__init__.py"
_PYTHON: Final = r'(?<=^__version__ = ")[^"]+'
PLACES: Final[Mapping[str, str]] = {
    SOURCE: _PYTHON,
    "client/presign_client/__init__.py": _PYTHON,
    "client/js/package.json": r'(?<=^  "version": ")[^"]+',
    "deploy/helm/Chart.yaml": r"(?<=ersion: )\d+\.\d+\.\d+$",
    "Dockerfile": r'(?<=image\.version=")[^"]+',
    "docs/alternatives.md": r"(?<=This is version )\d+\.\d+\.\d+",
}
_VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class NoRelease(ValueError):
    """The message says what is wrong."""


def numbers(version: str) -> tuple[int, ...]:
    """Raise NoRelease unless it is `MAJOR.MINOR.PATCH`, which Python, npm and Helm write alike."""
    if not _VERSION.fullmatch(version):
        raise NoRelease(f"not a version like 0.2.0: {version!r}")
    return tuple(map(int, version.split(".")))


def versions(root: Path = ROOT) -> dict[str, set[str]]:
    """Return what each place says."""
    return {path: set(_found(root / path, pattern)) for path, pattern in PLACES.items()}


def current(root: Path = ROOT) -> str:
    [version] = _found(root / SOURCE, _PYTHON)
    return version


def _found(path: Path, pattern: str) -> list[str]:
    return re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)


def begin(version: str, today: dt.date, root: Path = ROOT) -> None:
    """Write the version to all places, and its section of the changelog."""
    if numbers(version) <= numbers(current(root)):
        raise NoRelease(f"{version} does not follow {current(root)}")
    changes.collect(root, f"{version} - {today}")
    for path, pattern in PLACES.items():
        file = root / path
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(pattern, version, text, flags=re.MULTILINE), encoding="utf-8")


def main(*words: str) -> int:
    try:
        [version] = words
        begin(version, dt.datetime.now(tz=dt.UTC).date())
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
