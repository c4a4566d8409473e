"""Text of strangers, as a person or a model may see it. Pure.

A name may have characters that nobody sees, and that a model reads all the same: tags, zero widths,
marks that turn the direction. In the text of a result each is the escape of JSON, so that the text
is still JSON of the same value.
"""

import re
from typing import Final
from unicodedata import category

from pydantic_core import to_json

# What `str.isprintable` takes as visible, and nobody sees: joiners, fillers, variation selectors.
# unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt, Default_Ignorable_Code_Point
_IGNORABLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_MANY: Final = 0xFFFF  # from here on UTF-16, as JSON has it, needs two units


def visible(text: str) -> str:
    r"""Return the text with each character that no eye sees as `\uXXXX`."""
    if text.isprintable() and (text.isascii() or _IGNORABLE.search(text) is None):
        return text
    return "".join(map(_shown, text))


def visible_json(value: object) -> str:
    """Return a value as one line of JSON in which each character is visible."""
    return visible(to_json(value).decode())


def cut(text: str, length: int) -> str:
    """Return at most `length` characters, and what is visible of them."""
    return visible(text if len(text) <= length else f"{text[: length - 1]}…")


def _shown(character: str) -> str:
    is_seen = character.isprintable() or category(character) == "Zs"
    if is_seen and _IGNORABLE.match(character) is None:
        return character
    code = ord(character)
    if code <= _MANY:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
