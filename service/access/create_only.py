"""Finds the grants whose uploads may replace nothing or need no If-None-Match. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from service.access.grants import Conditions, Grant, Operation
from service.access.prefixes import subtrees_of

UPLOADS: Final = frozenset({Operation.UPLOAD, Operation.FORM, Operation.MULTIPART})


def is_create_only(grant: Grant) -> bool:
    return not UPLOADS.isdisjoint(grant.allow) and not grant.allow_overwrite


def overwriting(grants: Sequence[Grant]) -> list[Grant]:
    return [grant for grant in grants if UPLOADS & grant.allow and grant.allow_overwrite]


def overwriting_alone(grants: Sequence[Grant]) -> list[Grant]:
    """Return those of `overwriting` that share no key with a create-only grant of other conditions.

    In one policy a denial cannot tell which of the two allowed an upload.
    """
    exact, below = (defaultdict[str, set[Conditions | None]](set) for _ in range(2))
    for each in filter(is_create_only, grants):
        exact[each.prefix].add(each.conditions)
        for wider in (each.prefix, *subtrees_of(each.prefix)):
            below[wider].add(each.conditions)

    def is_alone(grant: Grant) -> bool:
        wider = (exact.get(each, set()) for each in subtrees_of(grant.prefix))
        return below.get(grant.prefix, set()).union(*wider) <= {grant.conditions}

    return [*filter(is_alone, overwriting(grants))]


def uploads_without_condition(grants: Sequence[Grant]) -> list[Grant]:
    """Return the grants whose uploads need no If-None-Match.

    They allow overwriting, or their uploads have new keys: those of forms and of drop boxes.
    """
    return [
        grant
        for grant in grants
        if UPLOADS & grant.allow
        and (
            grant.allow_overwrite
            or Operation.FORM in grant.allow
            or grant.allow >= {Operation.LINK, Operation.UPLOAD}
        )
    ]


def bound_to_create(grants: Sequence[Grant], free: Sequence[Grant]) -> list[Grant]:
    """Return the grants with keys that may only be created: none of `free` covers all of them."""
    names = {grant.prefix for grant in free}
    return [
        grant
        for grant in grants
        if is_create_only(grant) and names.isdisjoint({grant.prefix, *subtrees_of(grant.prefix)})
    ]
