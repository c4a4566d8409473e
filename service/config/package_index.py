"""The settings of Python package indexes."""

from typing import Annotated

from pydantic import AfterValidator

from service.access.callers import pointers
from service.config.quoting import Shown
from service.config.types import Name, Prefix, Section


def _check_directory(prefix: str) -> str:
    if pointers(prefix) or (prefix and not prefix.endswith("/")):
        raise ValueError(
            'write a prefix without placeholders that ends in /, or "" for the whole bucket'
        )
    return prefix


Directory = Annotated[Prefix, AfterValidator(_check_directory)]


class PackageIndexSettings(Section):
    """Python [package indexes](package-index.md) at `/simple/{name}/`, by name. The first index
    takes effect after a restart.
    """

    bucket: Shown[Name]
    """The bucket with the projects, by its name in this file."""

    prefix: Shown[Directory]
    """Where the projects are: each in a directory with its normalized name. It ends in `/`, or is
    empty."""
