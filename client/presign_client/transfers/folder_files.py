"""Which files of a directory are uploaded."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class File:
    """A file to upload, with its key."""

    path: Path
    key: str
    size: int


def files_below(directory: Path, prefix: str) -> Iterator[File]:
    for folder, _, names in os.walk(directory, onerror=_raise):
        for name in names:
            path = Path(folder, name)
            if path.is_file():
                key = prefix + path.relative_to(directory).as_posix()
                yield File(path, key, path.stat().st_size)


def _raise(error: OSError) -> None:
    raise error
