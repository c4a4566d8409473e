"""Finds the grants whose uploads may replace nothing or need no If-None-Match. Pure."""

from collections.abc import Sequence
from typing import Final

from service.access.grants import Grant, Operation
from service.access.prefixes import subtrees_of

UPLOADS: Final = frozenset({Operation.UPLOAD, Operation.FORM, Operation.MULTIPART})


def is_create_only(grant: Grant) -> bool:
    return not UPLOADS.isdisjoint(grant.allow) and not grant.allow_overwrite


def overwriting(grants: Sequence[Grant]) -> list[Grant]:
    return [grant for grant in grants if UPLOADS & grant.allow and grant.allow_overwrite]


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
