"""Copies the pages, and the files that they link, for the site: `make docs` calls it.

All paths stay as they are, so that a relative link works in the repository and on the site.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools import ROOT
from tools.site_markdown import for_the_site

PAGES: Final = [
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "client/*.md", "docs/**/*.md", "deploy/**/*.md")
    for path in sorted(ROOT.glob(pattern))
]
_LINK: Final = re.compile(r"(?P<before>\]\(|<img src=\"|srcset=\")(?P<path>[^)#:\"\s]+)")
_INDEX: Final = "README.md"
_UNSEARCHED: Final = "<!-- search: nothing -->\n"
_SEARCHED: Final = re.compile(r"^<!-- search: (.*) -->$", re.MULTILINE)


def write(target: Path) -> None:
    """Write the tree of the site's pages. What was at the target is removed."""
    shutil.rmtree(target, ignore_errors=True)
    waiting = [ROOT / page for page in PAGES]
    seen = set(waiting)
    while waiting:
        source = waiting.pop()
        found = _place(source, target)
        waiting += [each for each in found if each not in seen]
        seen |= set(found)


def _place(source: Path, target: Path) -> list[Path]:
    """Write one file, and return what it links."""
    copy = target / source.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        copy.mkdir(exist_ok=True)
        (copy / _INDEX).write_text(_listing(source), encoding="utf-8")
        return [each for each in source.iterdir() if each.is_file()]
    if source.suffix != ".md":
        shutil.copyfile(source, copy)
        return []
    text = source.read_text(encoding="utf-8")
    head = "---\ntemplate: home.html\n---\n" if source == ROOT / _INDEX else ""
    page = for_the_site(_LINK.sub(lambda link: _led(link, source), searched(text)))
    copy.write_text(head + page, encoding="utf-8")
    return list(_linked(source, text))


def searched(text: str) -> str:
    """Return the page with the words of its comment `search: WORDS`, for the search alone.

    They are what people call it who do not know our words yet. `search: nothing` leaves the page out.
    """
    if _UNSEARCHED in text:
        return f"---\nsearch:\n  exclude: true\n---\n{text.replace(_UNSEARCHED, '')}"
    return _SEARCHED.sub(r"<p hidden>\1</p>", text)


def _linked(page: Path, text: str) -> Iterator[Path]:
    for link in _LINK.finditer(text):
        path = (page.parent / link["path"]).resolve()
        if path.exists() and path.is_relative_to(ROOT):
            yield path / _INDEX if (path / _INDEX).exists() else path


def _led(link: re.Match[str], page: Path) -> str:
    """Return the link. One to a directory leads to its page."""
    if not (page.parent / link["path"]).is_dir():
        return link[0]
    return f"{link[0].removesuffix('/')}/{_INDEX}"


def _listing(directory: Path) -> str:
    names = sorted(each.name for each in directory.iterdir() if each.is_file())
    lines = [f"- [{name}]({name})" for name in names]
    # A search is for pages that somebody wrote.
    head = ["---", "search:", "  exclude: true", "---", f"# {directory.relative_to(ROOT)}"]
    return "\n".join([*head, "", *lines, ""])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
