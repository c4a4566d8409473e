"""The frame of the small pages that the service writes: without scripts, styles or images. Pure."""

from collections.abc import Iterable
from html import escape
from typing import Final

POLICY: Final = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"


def html_page(title: str, body: Iterable[str], *, head: str = "") -> bytes:
    """Return a page in UTF-8. `body` and `head` are HTML already; `title` is text."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            f'<head><meta charset="utf-8"><meta name="color-scheme" content="light dark">{head}',
            f"<title>{escape(title)}</title></head>",
            f"<body><h1>{escape(title)}</h1>",
            *body,
            "</body></html>\n",
        ]
    ).encode()
