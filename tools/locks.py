"""Parses the lock files: package, version, Python versions, and allowed archives."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tools import ROOT

LOCKS: Final = sorted((ROOT / "locks").glob("*.lock"))
PYTHONS: Final = ("3.11", "3.12", "3.13")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    requirement: Requirement
    sha256: frozenset[str]

    @property
    def name(self) -> NormalizedName:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")

    def holds_for(self, python: str) -> bool:
        marker = self.requirement.marker
        return marker is None or marker.evaluate(environment(python))


def environment(python: str) -> dict[str, str]:
    """Return the environment for markers: this machine, with a late patch of that Python."""
    there = {name: str(value) for name, value in default_environment().items()}
    return there | {"python_version": python, "python_full_version": f"{python}.99"}


def pins(lock: Path) -> list[Pin]:
    return [pin(line) for line in statements(lock.read_text())]


def statements(text: str) -> Iterator[str]:
    """Return the logical lines, without comments and joined at backslashes."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    yield from filter(None, "\n".join(lines).replace("\\\n", " ").splitlines())


def pin(statement: str) -> Pin:
    requirement, *hashes = statement.split("--hash=sha256:")
    return Pin(
        requirement=Requirement(requirement.strip()),
        sha256=frozenset(each.strip() for each in hashes),
    )


def pinned(lock: Path, python: str) -> dict[NormalizedName, Pin]:
    """Return what this Python installs. A package that is pinned twice for it is an error."""
    found = [each for each in pins(lock) if each.holds_for(python)]
    by_name = {each.name: each for each in found}
    assert len(found) == len(by_name), f"{lock.name} pins a package twice for Python {python}"
    return by_name
