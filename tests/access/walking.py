"""The model of a decision: a plain walk over all grants of a caller."""

from collections.abc import Sequence
from dataclasses import replace

from service.access.decisions import Allowed, Decision, Denied
from service.access.grants import PUTS, AccessRequest, Grant, Operation
from service.access.limits import violated_limit


def walked(grants: Sequence[Grant], request: AccessRequest) -> Decision:
    found = covering(grants, request)
    limits = [violated_limit(grant, request) for grant in found]
    lifetimes = [grant.max_expires_in for grant in found if violated_limit(grant, request) is None]
    if not lifetimes:
        return next((limit for limit in limits if limit is not None), Denied())
    known = [each for each in lifetimes if each is not None]
    return Allowed(max(known) if len(known) == len(lifetimes) else None)


def covering(grants: Sequence[Grant], request: AccessRequest) -> list[Grant]:
    """Return the grants that cover a request, as they count for it."""
    found = [grant for grant in grants if covers(grant, request)]
    if request.operation is not Operation.MULTIPART:
        return found
    begun = _types_begun_by_creators(grants, request)
    return [
        replace(grant, allow_overwrite=grant.allow_overwrite and begun <= {*grant.content_types})
        if grant.content_types is not None
        else grant
        for grant in found
    ]


def _types_begun_by_creators(grants: Sequence[Grant], request: AccessRequest) -> set[str]:
    """Return the types of uploads in parts that may be begun there and replace nothing."""
    in_parts = replace(request, also_needs=None)
    by_program = replace(in_parts, operation=Operation.CREDENTIALS)
    types = set[str]()
    for grant in grants:
        begins = covers(grant, in_parts) or (covers(grant, by_program) and PUTS & grant.allow)
        if begins and not grant.allow_overwrite:
            types |= {"any"} if grant.content_types is None else {*grant.content_types}
    return types


def covers(grant: Grant, request: AccessRequest) -> bool:
    if grant.bucket != request.bucket or request.operation not in grant.allow:
        return False
    if request.also_needs is not None and request.also_needs not in grant.allow:
        return False
    if grant.prefix and not grant.prefix.endswith("/"):
        return grant.prefix == request.key and not request.is_prefix
    return request.key.startswith(grant.prefix)
