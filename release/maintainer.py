"""Who maintains presign: `[tool.maintainer]` of pyproject.toml, and the files that repeat it.

    python -m release.maintainer

writes `.github/CODEOWNERS` and a part of SECURITY.md again. The owner of the repository fills in
the table once, before the first release.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from release.version import ROOT, NoRelease

CODEOWNERS: Final = ".github/CODEOWNERS"
SECURITY: Final = "SECURITY.md"
_PART: Final = re.compile(r"(?<=<!-- maintainer -->\n).*?(?=<!-- /maintainer -->)", re.DOTALL)
_EMPTY: Final = (
    "Nobody is named yet. The owner of this repository does it [before the first release]"
    "(docs/release.md).\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintainer:
    """`role` and `address` are for readers, `owners` for the site that hosts the repository."""

    role: str
    address: str
    owners: str

    @property
    def missing(self) -> list[str]:
        return [name for name in self.__slots__ if not getattr(self, name)]


def maintainer(source: Path = ROOT) -> Maintainer:
    """Raise NoRelease for a value that no page or CODEOWNERS could hold."""
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
    found = Maintainer(**project["tool"]["maintainer"])
    if any("\n" in each for each in (found.role, found.address, found.owners)):
        raise NoRelease("[tool.maintainer]: write each value on one line")
    if found.owners and not all(each.startswith("@") for each in found.owners.split()):
        raise NoRelease("[tool.maintainer]: `owners` are names such as @acme/storage")
    return found


def written(found: Maintainer, security: str) -> dict[str, str]:
    """Return the text of each file that repeats it."""
    lines = f"{found.role} maintain presign: {found.address}.\n"
    part = _EMPTY if found.missing else lines
    return {
        CODEOWNERS: (
            "# Written by `make maintainer` from [tool.maintainer] of pyproject.toml.\n"
            f"{f'* {found.owners}'.rstrip()}\n"  # without owners: nobody is asked for a review
        ),
        SECURITY: _PART.sub(lambda _: part, security),
    }


def main(root: Path = ROOT) -> None:
    security = (root / SECURITY).read_text(encoding="utf-8")
    for path, text in written(maintainer(root), security).items():
        (root / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
