"""A page of a listing."""

from dataclasses import dataclass
from typing import Any

from presign_client.answers import with_members
from presign_client.results import Entry
from presign_client.signed import time_of


@dataclass(frozen=True, slots=True)
class Page:
    """What comes together. It may be empty, though another one follows."""

    entries: tuple[Entry, ...]


def read_page(answer: Any) -> tuple[Page, str | None]:
    """Return a page of `GET /v1/objects`, sorted by key, and what asks for the next one."""
    answer = with_members(answer, prefixes=list, objects=list)
    entries = [Entry(key=prefix) for prefix in answer["prefixes"]]
    entries += map(_entry, answer["objects"])
    page = Page(tuple(sorted(entries, key=lambda entry: entry.key)))
    return page, answer.get("next")


def _entry(listed: Any) -> Entry:
    listed = with_members(listed, key=str, size=int, etag=str)
    when = listed["last_modified"]
    return Entry(
        key=listed["key"],
        size=listed["size"],
        etag=listed["etag"],
        last_modified=time_of(when) if when else None,
    )
