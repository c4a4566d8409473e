"""Share links, as calls return them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from presign_client.signed import time_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A share link, for anyone who has its `url`. Keep the id of one that is not `listed`."""

    id: str
    url: str = field(repr=False)
    expires_at: datetime
    limited_by: str | None = None
    listed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLink:
    """A share link of yours, of whose `max_uses` `uses` are over, if they are counted.

    It has no `url` if it is `revoked`, or if your grants of now do not cover it.
    """

    id: str
    url: str | None = field(default=None, repr=False)
    bucket: str
    key: str | None = None
    prefix: str | None = None
    operations: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked: bool
    label: str | None = None
    message: str | None = None
    filename: str | None = None
    not_before: datetime | None = None
    max_uses: int | None = None
    uses: int | None = None


def link(answer: Mapping[str, Any]) -> Link:
    return Link(
        id=answer["id"],
        url=answer["url"],
        expires_at=time_of(answer["expires_at"]),
        limited_by=answer.get("limited_by"),
        listed=answer.get("listed", False),
    )


def listed_link(answer: Mapping[str, Any]) -> ListedLink:
    known = {name: answer[name] for name in ListedLink.__slots__ if name in answer}
    times = {"created_at", "expires_at", "not_before"} & known.keys()
    known |= {name: time_of(known[name]) for name in times}
    return ListedLink(**(known | {"operations": tuple(known["operations"])}))
