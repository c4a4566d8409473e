"""JSON templates: a value with placeholders, rendered once and filled many times.

No other module assembles JSON by hand. A placeholder is a random string, so nothing that a caller
sends can be mistaken for one. What replaces it is JSON itself.

A/B in process, a GET: 29 µs with a template for its audit line, 34 µs with `to_json` of a dict.
"""

import secrets
from collections.abc import Iterable
from json.encoder import encode_basestring
from typing import Any, Final

from pydantic_core import to_json

PLACEHOLDER: Final = secrets.token_hex(16)
URL: Final = f"?{secrets.token_hex(16)}"  # with a query, so that a shell line quotes it
_PLACEHOLDER_JSON: Final = to_json(PLACEHOLDER)


def cut(value: Any) -> list[bytes]:
    """Render `value` as JSON, and split it at its placeholders."""
    return to_json(value).split(_PLACEHOLDER_JSON)


def cut_at_urls(value: Any) -> list[list[bytes]]:
    """As `cut`, and split each piece at its `URL`s, which may be parts of strings.

    `url.join(piece)` fills a piece: a signed URL has no character that JSON or a shell escapes.
    """
    return [piece.split(URL.encode()) for piece in cut(value)]


def text(value: str) -> bytes:
    """Render a string as JSON, as `to_json` does, which takes twice as long for a short one."""
    return encode_basestring(value).encode()


def texts(values: Iterable[str]) -> list[bytes]:
    return [encode_basestring(value).encode() for value in values]


def quoted(plain: str) -> bytes:
    """Render a string without characters that JSON escapes, such as a URL or a time."""
    return b'"%b"' % plain.encode()
