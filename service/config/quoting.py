"""Shows parts of the configuration in one line: briefly, and without what may be a secret. Pure."""

import json
import re
from typing import Annotated, Final, TypeVar

T = TypeVar("T")

SHOWN: Final = "shown"
# The type of a setting whose wrong values errors quote: none of them is or contains a secret.
Shown = Annotated[T, SHOWN]

_LENGTH: Final = 80
# A digest, a key of 256 bits or the id of an AWS key, which somebody may have put in a wrong place.
_SECRET: Final = re.compile(r"[0-9A-Fa-f]{32}|A[KS]IA[0-9A-Z]{16}|[A-Za-z0-9_+=-]{40}")
_PASSWORD: Final = re.compile(r":[^\s/:@]+@")  # `user:password@host`: the scheme may be missing


def quoted(value: object) -> str:
    """Quote a text, without what could be a password or a key. A number has no quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    is_url = "://" in text and any(character in text for character in "@?#")
    if is_url or _PASSWORD.search(text) is not None:
        return "a URL with a user or a query"
    if _SECRET.search(text) is not None:
        return "what looks like a key"
    cut = _cut(text)
    is_number = isinstance(value, int | float)
    return cut if is_number else json.dumps(cut, ensure_ascii=not cut.isprintable())


def safe_name(part: str | int) -> str | int:
    """Return a part of a location, without what could be a key in the place of a name."""
    if not isinstance(part, str):
        return part
    is_secret = any(each.search(part) is not None for each in (_SECRET, _PASSWORD))
    return "…" if is_secret else in_one_line(part)


def in_one_line(text: str, *, at_most: int = _LENGTH) -> str:
    """Return a text that may be shown, without control characters, and only its beginning."""
    cut = _cut(text, at_most)
    return cut if cut.isprintable() else json.dumps(cut)[1:-1]


def _cut(text: str, at_most: int = _LENGTH) -> str:
    return text if len(text) <= at_most else f"{text[:at_most]}…"
