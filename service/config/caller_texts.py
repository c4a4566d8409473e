"""The text of each caller in a file, so that a reload reads and validates only those that changed.

A caller is an item of the block sequence `callers:`, and its text is its lines. The same lines are
the same caller wherever they are in such a sequence, since nothing in them refers to other lines:

- Files with an anchor or a directive are read whole, and so are those that write `callers` in
  another way, such as JSON.
- A text that may have `${` is read each time, because its value is that of a variable or of a
  file.
- Each text is known only from a reading in which a caller began at its line and at that of the
  next. So no quoted text, block scalar or flow sequence goes on behind its end.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import accumulate
from typing import Any, Final, NamedTuple

from service.config.expansion import Expander, may_refer
from service.config.yaml_reader import YamlError, YamlMapping, YamlSequence, parse

Digest = bytes | None  # None: the caller is read each time

_SECTION: Final = re.compile(r"^callers: *(?:#.*)?\n", re.MULTILINE)
_FIRST: Final = re.compile(r"(?: *(?:#.*)?\n)*( *)- ")
_ANCHOR: Final = re.compile(r"(?<!\w)&")  # or what may be one
_DIRECTIVE: Final = "\n%"
_FIRST_DIRECTIVE: Final = ("%", "\ufeff%")
_DOCUMENTS: Final = ("\n---", "\n...")
_BREAKS: Final = ("\x85", "\u2028", "\u2029")  # line breaks of YAML 1.1, which libyaml reads
_HEAD: Final = "callers:\n"
_DIGEST_BYTES: Final = 16  # 2^64 tries find two texts with one digest, and none finds a given one


@dataclass(frozen=True, slots=True)
class CallerTexts:
    """The texts that a configuration's callers were read from, in their order.

    They are no part of what the configuration says, so they are all equal.
    """

    digests: Sequence[Digest] = field(default=(), compare=False)
    grant_sets: Any = field(default=None, compare=False)  # which callers may name


class _Section(NamedTuple):
    """The lines from `callers:` to the first caller end `before`. `line` is that of `callers:`."""

    before: str
    line: int
    items: list[str]
    after: str


def digests_of(text: str, document: Any) -> list[Digest]:
    """Return the digest of each caller of a document that was read from `text`."""
    callers = document.get("callers") if isinstance(document, YamlMapping) else None
    if not isinstance(callers, YamlSequence):
        return []
    section = _section(text)
    if section is None or not _lines_agree(section, document):
        return [None] * len(callers)
    return [*map(_digest, section.items)]


class KnownCallers:
    """Reads files whose callers are mostly known. `callers` has each by the digest of its text."""

    def __init__(self, callers: Mapping[bytes, Any]) -> None:
        self._known = callers

    def read(self, text: str, expander: Expander) -> tuple[YamlMapping, list[Digest]] | None:
        """Return the document, expanded, with known callers as they are, and all digests.

        It does not know the lines of its callers. None: read the whole text.
        """
        section = _section(text)
        with suppress(YamlError):
            if section is not None and (document := _without_callers(section)) is not None:
                return self._with_callers(expander.expand(document), section.items, expander)
        return None

    def _with_callers(
        self, document: YamlMapping, items: list[str], expander: Expander
    ) -> tuple[YamlMapping, list[Digest]] | None:
        digests = [*map(_digest, items)]
        callers = [None if each is None else self._known.get(each) for each in digests]
        new = [at for at, each in enumerate(callers) if each is None]
        found = _parsed([items[at] for at in new])
        if found is None:
            return None
        for at, caller in zip(new, found, strict=True):
            has_digest = digests[at] is not None
            callers[at] = caller if has_digest else expander.expand(caller, ("callers", at))
        document["callers"] = callers
        return document, digests


def _section(text: str) -> _Section | None:
    """Return the callers of a file, or None if they must be read with the rest of it."""
    if (start := _SECTION.search(text)) is None:
        return None
    if (first := _FIRST.match(text, start.end())) is None:
        return None
    if "&" in text and _ANCHOR.search(text):
        return None
    if text.startswith(_FIRST_DIRECTIVE) or any(each in text for each in (_DIRECTIVE, *_BREAKS)):
        return None
    if any(text.find(each, start.start()) != -1 for each in _DOCUMENTS):
        return None
    indent = first[1]
    # The sequence ends at the first line that is neither deeper, nor an item, blank or a comment.
    end = re.compile(rf"\n(?!{indent}(?: |- )| *(?:#|\n|\Z))").search(text, first.end())
    stop = len(text) if end is None else end.start() + 1
    pieces = text[first.start(1) : stop].split(f"\n{indent}- ")
    items = [pieces[0], *(f"{indent}- {each}" for each in pieces[1:])]
    items[:-1] = [f"{each}\n" for each in items[:-1]]
    line = text.count("\n", 0, start.start()) + 1
    return _Section(text[: first.start(1)], line, items, text[stop:])


def _digest(item: str) -> Digest:
    return None if may_refer(item) else blake2b(item.encode(), digest_size=_DIGEST_BYTES).digest()


def _without_callers(section: _Section) -> YamlMapping | None:
    """Return the document with no callers, if `callers` is a key of it where they begin."""
    found = parse(section.before)  # raises if a text or a flow sequence is open there
    if not isinstance(found, YamlMapping) or found.lines.get("callers") != section.line:
        return None
    document = parse(section.before + section.after) if section.after else found
    return document if document["callers"] is None else None


def _lines_agree(section: _Section, document: YamlMapping) -> bool:
    """Whether each caller begins at its line, and what follows them at its own."""
    keys = [*document]
    following = keys[keys.index("callers") + 1 :][:1]
    *items, end = _lines([*section.items, section.after], section.before)
    return items == [*document["callers"].lines] and (
        [document.lines[each] for each in following] == ([end] if section.after else [])
    )


def _parsed(items: list[str]) -> list[Any] | None:
    """Return what the items are, or None if one of them does not begin where its text does."""
    if not items:
        return []
    callers = parse(_HEAD + "".join(items))["callers"]
    return callers if [*callers.lines] == _lines(items, _HEAD) else None


def _lines(items: list[str], before: str) -> list[int]:
    """Return the line of each item, counting from 1."""
    first = before.count("\n") + 1
    return [*accumulate((each.count("\n") for each in items[:-1]), initial=first)]
