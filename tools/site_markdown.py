"""Rewrites a page of the repository into the Markdown of the site's generator.

A forge reads CommonMark. The generator reads Python-Markdown, in which the text of a list item is
indented by four spaces, and a list needs an empty line before it. Between the comments `tabs` and
`end of tabs` each line that is bold begins a tab; a forge shows one below the other.
"""

import re
from collections.abc import Iterator
from textwrap import indent
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

_COMMONMARK: Final = MarkdownIt("commonmark")
_MARKER: Final = re.compile(r" *(?P<marker>[-*+]|\d+[.)])(?P<space> +|$)")
_TEST_MARK: Final = re.compile(r" *<!-- .* -->")
_INDENT: Final = 4
_TABS: Final = re.compile(r"^<!-- tabs -->\n(.*?)^<!-- end of tabs -->$", re.MULTILINE | re.DOTALL)
_TAB: Final = re.compile(r"^\*\*(.+)\*\*$", re.MULTILINE)
_LISTS: Final = frozenset({"bullet_list_open", "ordered_list_open"})


def for_the_site(text: str) -> str:
    """Return the page without the comments of tests, with lists that Python-Markdown reads."""
    tokens = _COMMONMARK.parse(text)
    lines = text.split("\n")
    code = _lines_of(tokens, "fence")
    for number, line in enumerate(lines):
        if number not in code and _TEST_MARK.fullmatch(line) and "tabs" not in line:
            lines[number] = ""
    apart = set(_starts(tokens, lines))
    _indent(lines, tokens)
    listed = "\n".join(f"\n{line}" if i in apart else line for i, line in enumerate(lines))
    return _TABS.sub(_tabs, listed)


def _tabs(found: re.Match[str]) -> str:
    before, *parts = _TAB.split(found[1])
    assert not before.strip(), before
    pairs = zip(parts[::2], parts[1::2], strict=True)
    indented = (f'=== "{label}"\n{indent(text, " " * _INDENT)}' for label, text in pairs)
    return "\n".join(indented)


def _starts(tokens: list[Token], lines: list[str]) -> Iterator[int]:
    """Yield the first lines of lists, and of items that follow one of several paragraphs."""
    ends: dict[tuple[int, int], bool] = {}
    for token in tokens:
        if token.map is None:
            continue
        first, end = token.map
        if token.type in _LISTS and not token.level:
            yield first
        elif token.type == "list_item_open":
            if ends.get((token.level, first)):
                yield first
            ends[token.level, end] = "" in lines[first:end]


def _lines_of(tokens: list[Token], kind: str) -> set[int]:
    spans = [each.map for each in tokens if each.type == kind and each.map]
    return {number for start, end in spans for number in range(start, end)}


def _indent(lines: list[str], tokens: list[Token]) -> None:
    """Indent each item by four spaces a level. Outer items come before the inner ones."""
    levels = [0] * len(lines)
    for item in tokens:
        if item.type != "list_item_open" or item.map is None:
            continue
        first, end = item.map
        done = _INDENT * levels[first]
        found = _MARKER.match(lines[first], done)
        assert found is not None, lines[first]
        width = found.end() - done
        rest = lines[first][found.end() :]
        lines[first] = " " * done + f"{found['marker']} {rest}"
        for number in range(first + 1, end):
            levels[number] += 1
            lines[number] = _deeper(lines[number], done, width)


def _deeper(line: str, done: int, width: int) -> str:
    own = line[done:]
    kept = own[width:] if not own[:width].strip() else own.lstrip()
    return " " * (done + _INDENT) + kept if kept else ""
