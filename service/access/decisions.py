"""Decide whether a caller's grants allow an access request. Pure.

Deny by default: no grant, no access. If several grants cover a request, it is enough that one
allows it. A refusal is a value. `Denied` tells the caller nothing about what lies outside its
grants. `Limited` names the limit, which is the caller's own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from service.access.content_types import suggested_content_type
from service.access.grants import (
    AccessRequest,
    Conditions,
    Grant,
    Grants,
    Operation,
    foremost,
)
from service.access.limits import Limited, violated_limit


@dataclass(slots=True)
class Allowed:
    """What the grants that allow it give: those with the same `conditions`, of which None is first.

    `max_expires_in` is the longest lifetime of any of them; None means no limit.
    """

    max_expires_in: int | None
    conditions: Conditions | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """No grant covers bucket, key and operation."""


Decision = Allowed | Denied | Limited


def decide(grants: Grants, request: AccessRequest) -> Decision:
    first_limit: Limited | None = None
    allowing: list[Grant] = []
    for grant in grants.covering(request):
        limit = violated_limit(grant, request)
        if limit is None:
            allowing.append(grant)
        first_limit = first_limit or limit
    if allowing:
        first = foremost(allowing)
        lifetimes = [grant.max_expires_in for grant in first]
        known = [lifetime for lifetime in lifetimes if lifetime is not None]
        longest = max(known) if len(known) == len(lifetimes) else None
        return Allowed(longest, first[0].conditions)
    return first_limit or Denied()


def allows(grants: Grants, request: AccessRequest) -> bool:
    return isinstance(decide(grants, request), Allowed)


def allowed_content_type(grants: Grants, request: AccessRequest) -> str | None:
    """Return the content type that the key of an upload suggests, if a grant allows it there."""
    suggested = suggested_content_type(request.key)
    if suggested is None or not allows(grants, replace(request, content_type=suggested)):
        return None
    return suggested


def may_overwrite(grants: Grants, request: AccessRequest) -> bool:
    return allows(grants, replace(request, overwrite=True))


def max_upload_size(grants: Grants, request: AccessRequest, upper_bound: int) -> int:
    """Return the largest size in bytes, up to `upper_bound`, that a grant allows for this request.

    0 if no grant allows the rest of it: a request for 0 bytes is then refused with the reason.
    """
    return _largest_limit(grants, request, upper_bound, lambda grant: grant.max_content_length)


def max_link_expires_in(grants: Grants, request: AccessRequest) -> int | None:
    """Return the longest lifetime, in seconds, of a share link to what `request` is about.

    None if no grant allows both the request's operation there and `link`.
    """
    linking = [grant for grant in grants.covering(request) if Operation.LINK in grant.allow]
    return max((each.max_link_expires_in for each in foremost(linking)), default=None)


def max_page_size(grants: Grants, request: AccessRequest, upper_bound: int) -> int:
    """Return the most keys, up to `upper_bound`, that a grant allows on this page, or 0."""
    return _largest_limit(grants, request, upper_bound, lambda grant: grant.max_keys)


def _largest_limit(
    grants: Grants,
    request: AccessRequest,
    upper_bound: int,
    limit_of: Callable[[Grant], int | None],
) -> int:
    allowing = [g for g in grants.covering(request) if violated_limit(g, request) is None]
    limits = [limit_of(grant) for grant in foremost(allowing)]
    largest = max((upper_bound if limit is None else limit for limit in limits), default=0)
    return min(largest, upper_bound)
