"""Who calls, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from presign_client.answers import with_members


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a caller may do below a prefix. A limit that is None does not limit.

    The store keeps `networks`, `vpc_endpoints` and `only_if_tagged`: requests from elsewhere, and
    those for objects without these tags, get its 403.
    """

    bucket: str
    prefix: str
    allow: tuple[str, ...]
    allow_overwrite: bool
    max_expires_in: int | None = None
    max_content_length: int | None = None
    content_types: tuple[str, ...] | None = None
    max_keys: int | None = None
    max_link_expires_in: int | None = None
    networks: tuple[str, ...] | None = None
    vpc_endpoints: tuple[str, ...] | None = None
    only_if_tagged: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who you are to the service. An API key has no `issuer`."""

    subject: str
    issuer: str | None
    grants: tuple[Grant, ...]


def caller(answer: Any) -> Caller:
    answer = with_members(answer, subject=str, grants=list)
    return Caller(
        subject=answer["subject"],
        issuer=answer.get("issuer"),
        grants=tuple(_grant(grant) for grant in answer["grants"]),
    )


def _grant(answer: Any) -> Grant:
    answer = with_members(answer, bucket=str, prefix=str, allow=list, allow_overwrite=bool)
    known = {name: answer[name] for name in Grant.__slots__ if name in answer}
    lists = {"allow", "content_types", "networks", "vpc_endpoints"} & known.keys()
    return Grant(**(known | {name: tuple(known[name]) for name in lists}))
