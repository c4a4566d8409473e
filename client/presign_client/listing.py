"""A page of a listing, as S3's XML has it."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from presign_client.errors import PresignError
from presign_client.results import Entry, time_of


@dataclass(frozen=True, slots=True)
class Page:
    """`token` asks for the next page; None: this is the last one."""

    entries: tuple[Entry, ...]
    token: str | None


def read_page(body: bytes) -> Page:
    """Return the page of a ListObjectsV2 answer, sorted by key.

    Raises:
        PresignError: if the body is no such answer.

    """
    # No listing has a document type; one with entities could make this process run out of memory.
    if b"<!" in body:
        raise _unreadable()
    try:
        root = ET.fromstring(body.decode())  # noqa: S314 - it has no entities
        entries = sorted(_entries(root), key=lambda entry: entry.key)
    except (ET.ParseError, ValueError):
        raise _unreadable() from None
    return Page(tuple(entries), _text(root, "NextContinuationToken") or None)


def _entries(root: ET.Element) -> Iterator[Entry]:
    for found in root.findall("{*}CommonPrefixes"):
        yield Entry(key=_text(found, "Prefix"))
    for found in root.findall("{*}Contents"):
        yield Entry(
            key=_text(found, "Key"),
            size=int(_text(found, "Size")),
            etag=_text(found, "ETag"),
            last_modified=time_of(_text(found, "LastModified")),
        )


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""


def _unreadable() -> PresignError:
    return PresignError("storage_refused", "The store's listing cannot be read.")
