"""Opens a file that the configuration names, which may also be a pipe or a device.

The file is looked at by its descriptor, so nobody can put another one in its place in between.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """Return the file to read. Raises OSError, or ValueError for what may never end.

    A null character in the path is a ValueError too.
    """
    file = open(path, "rb", opener=_open)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("not a regular file")
    return file


def _open(path: str, flags: int) -> int:
    """Do not wait for somebody who writes to a pipe."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
