"""Whether links lead a path out of a directory, in which others may put them at any time."""

import errno
import os
from pathlib import Path


def real_path(path: Path) -> Path:
    """Return a path without links. Before Python 3.13 `Path.resolve` refuses loops."""
    return Path(os.path.realpath(path))


def check_below(directory: Path, resolved: Path) -> None:
    """Raise OSError if a link leads a path out of a directory. Both have no links themselves."""
    if not resolved.is_relative_to(directory):
        raise leads_elsewhere(resolved)


def look(directory: Path, path: Path) -> tuple[Path, os.stat_result | None]:
    """Return a path below a directory without its links, and what is there.

    Raises:
        OSError: if a link leads the path out of the directory, which had no link in its own path.

    """
    real = real_path(path)
    check_below(directory, real)
    try:
        return real, os.lstat(real)
    except FileNotFoundError:
        return real, None


def leads_elsewhere(path: Path) -> OSError:
    return OSError(errno.ELOOP, "A link leads it to another place", str(path))
