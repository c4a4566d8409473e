"""A page of a listing."""

from dataclasses import dataclass
from typing import Any

from presign_client.answers import with_members
from presign_client.results import Entry
from presign_client.signed import time_of


@dataclass(frozen=True, slots=True)
class Page:
    """`token` asks for the next page; None: this is the last one."""

    entries: tuple[Entry, ...]
    token: str | None


def read_page(answer: Any) -> Page:
    """Return a page of `GET /v1/objects`, sorted by key."""
    answer = with_members(answer, prefixes=list, objects=list)
    entries = [Entry(key=prefix) for prefix in answer["prefixes"]]
    entries += map(_entry, answer["objects"])
    return Page(tuple(sorted(entries, key=lambda entry: entry.key)), answer.get("next"))


def _entry(listed: Any) -> Entry:
    listed = with_members(listed, key=str, size=int, etag=str)
    when = listed["last_modified"]
    return Entry(
        key=listed["key"],
        size=listed["size"],
        etag=listed["etag"],
        last_modified=time_of(when) if when else None,
    )
