"""What the tools list: names page by page, within bounds, and which match a pattern. Pure.

A page is resumed behind the last name that it has. So the cursor says nothing that its caller does
not know, and each page is decided again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from service.errors import InvalidRequest
from service.protocols.mcp.visible import visible_json
from service.s3.listing_xml import ObjectsPage
from service.signing.validation import MAX_KEY_BYTES

DEFAULT_NAMES: Final = 100
MAX_NAMES: Final = 1000  # of an answer
MAX_BYTES: Final = 100_000  # of an answer: some 370 short names, each of which it has twice
MAX_LOOKED_AT: Final = 10_000  # of a search
_LAST: Final = (
    "\x7f",
    "\u07ff",
    "\uffff",
    "\U0010ffff",
)  # of one byte in UTF-8, of two, three, four


class Name(NamedTuple):
    """A file with its members, or a folder, which ends in a slash."""

    text: str
    members: Mapping[str, Any] | None


@dataclass(slots=True)
class Answer:
    """Takes names while it has room. `last` is the last one that was looked at."""

    limit: int
    names: list[Name] = field(default_factory=list)
    last: str | None = None
    _size: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.names) >= self.limit

    def add(self, name: Name) -> bool:
        """Return False if there is no room."""
        value = name.text if name.members is None else name.members
        size = len(to_json(value)) + len(to_json(visible_json(value)))
        if self.is_full or (self._size + size > MAX_BYTES and self.names):
            return False
        self.names.append(name)
        self._size += size
        self.last = name.text
        return True

    def value(self, *, is_whole: bool) -> dict[str, Any]:
        """Return the value of the tool, with folders if there can be some."""
        found: dict[str, Any] = {
            "folders": [name.text for name in self.names if name.members is None],
            "files": [name.members for name in self.names if name.members is not None],
        }
        return found if is_whole or self.last is None else {**found, "next_cursor": self.last}


def names_of(page: ObjectsPage) -> list[Name]:
    """Return the files and folders of a page in the store's order, by UTF-8."""
    files = (
        Name(
            found.key,
            {
                "key": found.key,
                "size": found.content_length,
                "etag": found.etag,
                "last_modified": found.last_modified,
            },
        )
        for found in page.objects
    )
    folders = (Name(prefix, None) for prefix in page.prefixes)
    return sorted((*files, *folders), key=lambda name: name.text.encode("utf-8", "replace"))


def start_after(cursor: str, prefix: str, *, folders: bool) -> str:
    """Return the name behind which the next page starts. Raises InvalidRequest for a forged one.

    With `folders`, a name that ends in a slash is one: the page starts behind all that is in it.
    """
    try:
        is_known = cursor.startswith(prefix) and len(cursor.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        is_known = False
    if not is_known or not cursor:
        detail = "Give the `next_cursor` of the answer before, with the same `prefix`."
        raise InvalidRequest(detail, pointer="#/cursor")
    if not folders or not cursor.removeprefix(prefix).endswith("/"):
        return cursor
    whole, rest = divmod(MAX_KEY_BYTES - len(cursor.encode()), len(_LAST))
    return cursor + _LAST[-1] * whole + "".join(_LAST[rest - 1 : rest])


class Pattern:
    """`*` is any text and `?` one character of the last segment of a key, in any case."""

    def __init__(self, pattern: str) -> None:
        first, *rest = (_expression(part) for part in re.split(r"\*+", pattern.lower()))
        if not rest:
            self._expression = re.compile(first, re.DOTALL)
            return
        # Each part is found as early as it can be, and never sought again: without the atomic
        # groups, a name could make a search of many parts last for hours.
        parts = "".join(f"(?>.*?{part})" for part in rest[:-1])
        self._expression = re.compile(f"{first}{parts}.*{rest[-1]}", re.DOTALL)

    def matches(self, key: str) -> bool:
        return self._expression.fullmatch(key.rpartition("/")[2].lower()) is not None


def _expression(part: str) -> str:
    return "".join("." if character == "?" else re.escape(character) for character in part)
