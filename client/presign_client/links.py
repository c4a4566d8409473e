"""Share links, as calls return them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from presign_client.answers import with_members
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


def link(answer: Any) -> Link:
    answer = with_members(answer, id=str, url=str)
    return Link(
        id=answer["id"],
        url=answer["url"],
        expires_at=time_of(answer["expires_at"]),
        limited_by=answer.get("limited_by"),
        listed=answer.get("listed", False),
    )


def links_page(answer: Any) -> tuple[list[ListedLink], str | None]:
    """Return links, and what asks for the next page."""
    return [_listed_link(each) for each in answer["links"]], answer.get("next")


def _listed_link(answer: Any) -> ListedLink:
    answer = with_members(answer, id=str, bucket=str, operations=list)
    known = {name: answer[name] for name in ListedLink.__slots__ if name in answer}
    times = {"created_at", "expires_at", "not_before"} & known.keys()
    known |= {name: time_of(known[name]) for name in times}
    return ListedLink(**(known | {"operations": tuple(known["operations"])}))
