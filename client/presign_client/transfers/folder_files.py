"""Which files of a directory are uploaded, and which are left out.

A directory may come from an archive or a pull request, with links to files that only the user of
this machine may read.
"""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from presign_client.folder_results import LeftOut
from presign_client.transfers.links import real_path
from presign_client.transfers.names import is_hidden
from presign_client.transfers.source import FileSource

# Seven directories that link to each other have 13,692 paths by links, and nine have 986,400.
MAX_LINKS = 10_000


@dataclass(frozen=True, slots=True)
class File:
    """A file to upload, with its key. With `below`, it must still be below that when it is read."""

    path: Path
    key: str
    size: int
    below: Path | None

    def source(self) -> FileSource:
        return FileSource(self.path, self.below)


def files_below(
    directory: Path, prefix: str, *, follow: bool
) -> tuple[list[File], tuple[LeftOut, ...]]:
    """Return the files below a directory by key, and what is left out.

    A link to a file is followed if that is below the directory too. With `follow` all links are
    followed, except one to a directory that the link is in.

    Raises:
        OSError: if a directory cannot be read, or for more than `MAX_LINKS` links to directories.

    """
    files, left_out = [], []
    below = None if follow else real_path(directory)
    for path, reason in _walk(directory, follow=follow):
        if reason:
            left_out.append(LeftOut(path=path, reason=reason))
        else:
            key = prefix + path.relative_to(directory).as_posix()
            files.append(File(path, key, path.stat().st_size, below))
    return sorted(files, key=lambda file: file.key), tuple(sorted(left_out, key=lambda it: it.path))


def _walk(directory: Path, *, follow: bool) -> Iterator[tuple[Path, str]]:
    """Yield each file, and each link that is not followed, with the reason to leave it out."""
    links, real = 0, cache(real_path)
    for folder, folders, names in os.walk(directory, onerror=_raise, followlinks=follow):
        for link in [name for name in folders if Path(folder, name).is_symlink()]:
            path = Path(folder, link)
            if reason := _reason_not_to_enter(path, directory, real, follow=follow):
                folders.remove(link)
                yield path, reason
            elif (links := links + 1) > MAX_LINKS:
                raise OSError(
                    errno.ELOOP, f"More than {MAX_LINKS:,} links to directories", str(path)
                )
        for name in names:
            path = Path(folder, name)
            yield path, _reason_not_to_read(path, directory, follow=follow)


def _reason_not_to_enter(
    link: Path, directory: Path, real: Callable[[Path], Path], *, follow: bool
) -> str:
    target = real(link)
    if not follow:
        inside = target.is_relative_to(real(directory))
        return "a link to a directory" if inside else "a link out of the directory"
    above = [each for each in link.parents if each.is_relative_to(directory)]
    if any(real(each).is_relative_to(target) for each in above):
        return "a link to a directory that it is in"
    return ""


def _reason_not_to_read(path: Path, directory: Path, *, follow: bool) -> str:
    if is_hidden(path.name):
        return "an unfinished download"
    is_link = path.is_symlink()
    if is_link and not follow and not real_path(path).is_relative_to(real_path(directory)):
        return "a link out of the directory"
    if not os.path.isfile(path):  # noqa: PTH113 - Path's raises where the user may not look
        return "a link to no file" if is_link else "no regular file"
    return ""


def _raise(error: OSError) -> None:
    raise error
