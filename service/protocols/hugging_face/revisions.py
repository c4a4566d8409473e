"""A listing of a revision's folder as the Hub's clients see it: files, folders and a sha. Pure."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import attrgetter
from typing import Final

from service.s3.listing_xml import RFC_3339, ListedObject
from service.signing.validation import has_dot_segment, is_valid_key

NAME_DIGITS: Final = 10  # of a sha, which belong to the revision's name
_DIGITS: Final = 40
_SHA: Final = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")
_AFTER_SLASH: Final = chr(ord("/") + 1)
_path_of = attrgetter("path")


@dataclass(frozen=True, slots=True)
class RepoFile:
    """`size` is in bytes; `etag` and `last_modified` are the store's texts."""

    path: str
    size: int
    etag: str
    last_modified: str

    @property
    def oid(self) -> str:
        """Name the content: clients use it as ETag and as a file's name.

        Not 64 digits: clients would take those for the SHA-256 of the content.
        """
        return _digest(f"{self.etag}\0{self.size}")


@dataclass(frozen=True, slots=True)
class Folder:
    path: str


Entry = RepoFile | Folder


@dataclass(frozen=True, slots=True)
class Revision:
    """The files of a folder by their path. `entries` are files and folders, in order of paths."""

    name: str
    sha: str
    files: Mapping[str, RepoFile]
    entries: Sequence[Entry]

    @property
    def last_modified(self) -> str | None:
        """The latest time of a file, unless the store's times are no times of RFC 3339."""
        times = (file.last_modified for file in self.files.values())
        return max(filter(RFC_3339.fullmatch, times), default=None)

    def find(self, path: str) -> Entry | None:
        at = bisect_left(self.entries, path, key=_path_of)
        found = self.entries[at : at + 1]
        return found[0] if found and found[0].path == path else None

    def find_all(self, paths: Iterable[str]) -> list[Entry]:
        """Return what these paths name, each once. A path may have a `/` at its end."""
        found = map(self.find, dict.fromkeys(path.removesuffix("/") for path in paths))
        return [entry for entry in found if entry is not None]

    def tree(self, folder: str, *, recursive: bool, after: str = "") -> Sequence[Entry] | None:
        """Return what is in a folder, or below it, with a path that sorts after `after`.

        The folder `""` is the whole revision. None if there is no such folder.
        """
        if folder and not isinstance(self.find(folder), Folder):
            return None
        start, end = len(folder) + bool(folder), len(self.entries)
        first = bisect_right(self.entries, after, key=_path_of)
        if folder:
            first = max(first, bisect_left(self.entries, f"{folder}/", key=_path_of))
            end = bisect_left(self.entries, f"{folder}{_AFTER_SLASH}", key=_path_of)
        below = self.entries[first:end]
        return below if recursive else [entry for entry in below if "/" not in entry.path[start:]]


def is_sha(revision: str) -> bool:
    return _SHA.fullmatch(revision) is not None


def name_digits(name: str) -> str:
    """Return the digits that each sha of a revision with this name begins with."""
    return _digest(name)[:NAME_DIGITS]


def revision_of(name: str, prefix: str, objects: Iterable[ListedObject]) -> Revision:
    """Return what the objects below `prefix` are to a client.

    The sha has the digits of the name, and others that name the whole content.
    """
    files = sorted(_files(prefix, objects), key=_path_of)
    content = "".join(f"{file.path}\0{file.etag}\0{file.size}\n" for file in files)
    sha = name_digits(name) + _digest(content)[: _DIGITS - NAME_DIGITS]
    by_path = {file.path: file for file in files}
    folders = {folder for path in by_path for folder in _parents(path)} - by_path.keys()
    entries: list[Entry] = [*files, *map(Folder, folders)]
    return Revision(name, sha, by_path, sorted(entries, key=_path_of))


def tree_id(revision: Revision, folder: Folder) -> str:
    return _digest(f"{revision.sha}/{folder.path}")


def _files(prefix: str, objects: Iterable[ListedObject]) -> Iterator[RepoFile]:
    for listed in objects:
        if is_file(path := listed.key.removeprefix(prefix)):
            yield RepoFile(path, listed.content_length, listed.etag, listed.last_modified)


def is_file(path: str) -> bool:
    """Whether a client can keep a file of this path in a folder of a snapshot.

    Others could be written into another snapshot. `a/` is what some programs make for a folder.
    """
    whole = "//" not in path and not path.startswith("/") and not path.endswith("/")
    return whole and is_valid_key(path) and not has_dot_segment(path.replace("\\", "/"))


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_DIGITS]
