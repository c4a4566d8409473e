"""Reads files that are next to this package in a checkout, and in it once it is installed."""

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parents[1]


def read_packaged(path: str) -> str:
    """Return the text of a file, by its path in a checkout, such as `docs/errors.md`."""
    installed = _PACKAGE / Path(path).name
    found = installed if installed.exists() else _PACKAGE.parent / path
    return found.read_text(encoding="utf-8")
