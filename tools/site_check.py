"""Checks the built site: links lead somewhere, and no page loads anything from another host.

The generator checks links between pages only. `make docs` calls this for what it leaves: files,
pictures, and what the theme adds.
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

# An attribute that makes a browser fetch its address when it shows the page. A link waits for a click.
_FETCHED: Final = frozenset({"src", "srcset", "poster", "data"})
_NAMED: Final = re.compile(r"url\(\s*['\"]?(?P<url>[^'\")]+)|@import\s+['\"](?P<other>[^'\"]+)")


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = {"", "__skip"}
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"id", "name"} and value:
                self.anchors.add(value)
            if value and (name in _FETCHED or (tag == "link" and name == "href")):
                candidates = value.split(",") if name == "srcset" else [value]
                self.fetched += [each.split()[0] for each in candidates if each.strip()]
            elif value and name == "href":
                self.links.append(value)


def problems(site: Path) -> list[str]:
    """Return what is wrong, with the file that has it."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))}
    pages = {path: _Page(text) for path, text in texts.items() if "md-content" in text}
    if not pages:
        return [f"{site} has no pages"]
    found = [
        f"{path.relative_to(site)}: {problem}"
        for path, page in pages.items()
        for problem in _of_page(site, path, page, pages)
    ]
    styles = [
        f"{path.relative_to(site)}: loads {url}"
        for path in sorted(site.rglob("*.css"))
        for url in _named(path.read_text(encoding="utf-8"))
        if _is_foreign(url)
    ]
    return [*found, *styles]


def _of_page(site: Path, path: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    yield from (f"loads {url}" for url in page.fetched if _is_foreign(url))
    for url in [*page.links, *page.fetched]:
        if urlsplit(url).scheme or _is_foreign(url):
            continue
        place, _, anchor = url.partition("#")
        base = site if place.startswith("/") else path.parent
        target = (base / unquote(place).lstrip("/")).resolve() if place else path
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            yield f"leads to {url}, which does not exist"
        elif target in pages and unquote(anchor) not in pages[target].anchors:
            yield f"leads to {url}, which has no such heading"


def _named(style: str) -> list[str]:
    return [found["url"] or found["other"] for found in _NAMED.finditer(style)]


def _is_foreign(url: str) -> bool:
    """Tell whether an address leads to another host. `data:` leads to none."""
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme in {"http", "https"}


if __name__ == "__main__":
    wrong = problems(Path(sys.argv[1]).resolve())
    sys.exit("\n".join(wrong) if wrong else 0)
