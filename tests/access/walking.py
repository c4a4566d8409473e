"""The model of a decision: a plain walk over all grants of a caller."""

from collections.abc import Sequence

from service.access.decisions import Allowed, Decision, Denied
from service.access.grants import AccessRequest, Grant
from service.access.limits import violated_limit


def walked(grants: Sequence[Grant], request: AccessRequest) -> Decision:
    limits = [violated_limit(grant, request) for grant in grants if covers(grant, request)]
    lifetimes = [
        grant.max_expires_in
        for grant in grants
        if covers(grant, request) and violated_limit(grant, request) is None
    ]
    if not lifetimes:
        return next((limit for limit in limits if limit is not None), Denied())
    known = [each for each in lifetimes if each is not None]
    return Allowed(max(known) if len(known) == len(lifetimes) else None)


def covers(grant: Grant, request: AccessRequest) -> bool:
    if grant.bucket != request.bucket or request.operation not in grant.allow:
        return False
    if request.also_needs is not None and request.also_needs not in grant.allow:
        return False
    if grant.prefix and not grant.prefix.endswith("/"):
        return grant.prefix == request.key and not request.is_prefix
    return request.key.startswith(grant.prefix)
