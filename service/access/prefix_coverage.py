"""Compares a prefix with grants whose own prefix depends on a caller's claims."""

import re
from typing import Final

from service.access.callers import pointers, without_placeholders
from service.access.grants import Grant

_ANY_CLAIM: Final = r"[A-Za-z0-9_.-]+"


def may_cover(grant: Grant, prefix: str) -> bool:
    """Whether the grant covers all keys below the prefix, for some claims at least.

    Most have another start. A/B, `presign check` of 800 entries with a prefix of their own for
    their claims: 0.03 s of CPU, and 3.5 s if each is compared as a pattern.
    """
    if not prefix.startswith(grant.prefix.partition("{")[0]):
        return False
    between = without_placeholders(grant.prefix, lambda _: "\n").split("\n")
    pattern = _ANY_CLAIM.join(map(re.escape, between))
    return grant.covers_subtree and re.match(pattern, prefix) is not None


def covers_some(grant: Grant, prefix: str) -> bool:
    """Whether it covers keys below the prefix. It depends on the claims for a placeholder."""
    literal = grant.prefix.partition("{")[0]
    return literal.startswith(prefix) or (
        bool(pointers(grant.prefix)) and prefix.startswith(literal)
    )
