"""Makes the links of the pages absolute that an index shows, which has no other file of ours.

They lead to the tag of the release, at the address that `[project.urls]` of pyproject.toml gives
the repository. While there is no address, the text of the links stays without them.
"""

import json
import re
import tomllib
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any, Final

from release.version import NoRelease

PAGES: Final = ("README.md", "client/README.md", "client/js/README.md", "deploy/helm/README.md")
_PROJECTS: Final = ("pyproject.toml", "client/pyproject.toml")
_PACKAGE: Final = "client/js/package.json"
_PICTURES: Final = frozenset({".svg", ".webp", ".png"})
_OTHER: Final = r"(?![a-z]+:)"  # a target of ours has no scheme
_TARGET: Final = re.compile(rf'(?<=\]\(){_OTHER}[^)\s]+|(?<=(?:src|ref|set)="){_OTHER}[^"\s]+')
_LINK: Final = re.compile(rf"!?\[([^\[\]]*)\]\({_OTHER}[^)\s]+\)")
_PICTURE: Final = re.compile(r"<picture>.*?</picture>\n\n?", re.DOTALL)


def repository(source: Path) -> str | None:
    """Return the address of the repository, without a slash at its end, or None if there is none.

    Raises NoRelease unless the service, the client and npm's package have the same: the indexes
    compare it with the provenance.
    """
    found = {path: _of_project(source / path) for path in _PROJECTS}
    found[_PACKAGE] = _of_package(source / _PACKAGE)
    if len({*found.values()}) > 1:
        places = ", ".join(f"{path}: {address}" for path, address in found.items())
        raise NoRelease(f"not one address of the repository: {places}")
    return found[_PACKAGE]


def write_absolute(source: Path, version: str) -> None:
    """Write the pages again, in a copy of the source."""
    base = repository(source)
    for page in PAGES:
        path = source / page
        text = path.read_text(encoding="utf-8")
        path.write_text(absolute(source, page, text, base, version), encoding="utf-8")


def absolute(source: Path, page: str, text: str, base: str | None, version: str) -> str:
    """Return the text of a page without relative links. Raises NoRelease for a dead one."""
    if base is None:
        return _LINK.sub(r"\1", _PICTURE.sub("", text))

    def address(found: re.Match[str]) -> str:
        path, mark, anchor = found[0].partition("#")
        file = normpath(join(dirname(page), path)) if path else page
        if not (source / file).exists():
            raise NoRelease(f"{page} leads to {found[0]}, which does not exist")
        kind = "tree" if (source / file).is_dir() else "blob"
        kind = "raw" if Path(file).suffix in _PICTURES else kind
        return f"{base}/{kind}/v{version}/{file}{mark}{anchor}"

    return _TARGET.sub(address, text)


def _of_project(path: Path) -> str | None:
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    return _normal(project.get("urls", {}).get("Repository"))


def _of_package(path: Path) -> str | None:
    named: Any = json.loads(path.read_text(encoding="utf-8")).get("repository")
    return _normal(named["url"] if isinstance(named, dict) else named)


def _normal(address: str | None) -> str | None:
    """The form of npm itself is `git+https://….git`."""
    if address is None:
        return None
    return address.removeprefix("git+").removesuffix("/").removesuffix(".git")
