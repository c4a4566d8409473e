"""The projects of an index and their files, as a listing shows them. Pure.

The directory below an index's prefix is the project's normalized name, and the objects directly
below that are its files.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from service.s3.listing_xml import RFC_3339, ListedObject
from service.signing.validation import has_dot_segment

_METADATA: Final = ".metadata"
_RUN: Final = re.compile(r"[-_.]+")
_PROJECT: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SOURCES: Final = (".tar.gz", ".zip")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """`upload_time` is RFC 3339 in UTC, or None if the store says something else.

    `sha256` is in hex, or None if it is not known. `has_metadata` is whether `{name}.metadata` is
    in the same directory (PEP 658).
    """

    name: str
    key: str
    size: int
    upload_time: str | None
    sha256: str | None
    has_metadata: bool

    @property
    def version(self) -> str | None:
        """The version in the name of a wheel or a source distribution, else None."""
        if self.name.endswith(".whl"):
            return next(iter(self.name.split("-")[1:2]), None)
        for end in _SOURCES:
            if self.name.endswith(end):
                return self.name.removesuffix(end).rpartition("-")[2]
        return None


def normalized(name: str) -> str:
    """Return a project's name as PEP 503 compares it."""
    return _RUN.sub("-", name).lower()


def projects(prefix: str, prefixes: Iterable[str]) -> list[str]:
    """Return the projects among the directories below `prefix`: those with a normalized name."""
    names = [directory.removeprefix(prefix).removesuffix("/") for directory in prefixes]
    return [name for name in names if _PROJECT.fullmatch(name) is not None]


def listed_files(prefix: str, objects: Iterable[ListedObject]) -> dict[ListedObject, bool]:
    """Return the files directly below `prefix`, and whether their metadata is there too.

    Metadata that belongs to another file is none.
    """
    listed = {file.key.removeprefix(prefix): file for file in objects}
    return {
        file: f"{name}{_METADATA}" in listed
        for name, file in listed.items()
        if name
        and not has_dot_segment(name)
        and not (name.endswith(_METADATA) and name.removesuffix(_METADATA) in listed)
    }


def project_file(
    prefix: str, listed: ListedObject, *, has_metadata: bool, sha256: str | None
) -> ProjectFile:
    is_time = RFC_3339.fullmatch(listed.last_modified) is not None
    return ProjectFile(
        name=listed.key.removeprefix(prefix),
        key=listed.key,
        size=listed.content_length,
        upload_time=listed.last_modified if is_time else None,
        sha256=sha256,
        has_metadata=has_metadata,
    )
