"""The fragments of `changes/`, one file for one change, which become a section of CHANGELOG.md.

`changes/links-answer-410.fixed.md` has the sentences of one line under `### Fixed`, without its
dash. Two branches that each add a file do not conflict.
"""

import textwrap
from pathlib import Path
from typing import Final

KINDS: Final = ("security", "added", "changed", "removed", "fixed")
_SECTION: Final = "\n## "


class WrongFragment(ValueError):
    """The message names the file."""


def fragments(root: Path) -> dict[Path, str]:
    """Return the text of each fragment, by kind and name. README.md is none."""
    files = sorted((root / "changes").glob("*"))
    found = {each: _text(each) for each in files if each.name != "README.md"}
    return dict(sorted(found.items(), key=lambda each: (KINDS.index(_kind(each[0])), each[0])))


def _kind(file: Path) -> str:
    *name, kind, suffix = file.name.split(".")
    if not any(name) or kind not in KINDS or suffix != "md":
        raise WrongFragment(f"{file.name}: must be NAME.KIND.md, with a KIND of {', '.join(KINDS)}")
    return kind


def _text(file: Path) -> str:
    _kind(file)
    text = " ".join(file.read_text(encoding="utf-8").split())
    if not text or text.startswith(("-", "#")):
        raise WrongFragment(f"{file.name}: must have sentences, without a dash or a heading")
    return text


def section(root: Path) -> str:
    """Return the lines of all fragments, below the headings of their kinds."""
    found = fragments(root)
    parts = []
    for kind in KINDS:
        lines = [_line(text) for file, text in found.items() if _kind(file) == kind]
        if lines:
            parts.append(f"### {kind.capitalize()}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _line(text: str) -> str:
    return textwrap.fill(
        text,
        120,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def collect(root: Path, heading: str) -> None:
    """Write the section into CHANGELOG.md, and delete the fragments."""
    log = root / "CHANGELOG.md"
    text = log.read_text(encoding="utf-8")
    written = section(root)
    if not written:
        raise WrongFragment("changes/ has no fragment: nothing would be released")
    before, first, after = text.partition(_SECTION)
    log.write_text(f"{before}\n## {heading}\n\n{written}{first}{after}", encoding="utf-8")
    for file in fragments(root):
        file.unlink()
