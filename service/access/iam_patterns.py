"""IAM patterns of keys: what grants cover, without what others cover already. Pure."""

from collections.abc import Iterable, Sequence

from service.access.grants import Grant, Operation


def patterns_of(grants: Iterable[Grant], operations: frozenset[Operation]) -> set[str]:
    """Return IAM patterns of the keys that grants with any of these operations cover."""
    return {
        f"{grant.prefix}*" if grant.covers_subtree else grant.prefix
        for grant in grants
        if not operations.isdisjoint(grant.allow)
    }


def widest(patterns: set[str]) -> tuple[str, ...]:
    """Leave out patterns that another one covers, and sort the rest."""
    kept, subtree = list[str](), None
    for start, pattern in sorted((each.removesuffix("*"), each) for each in patterns):
        if subtree is None or not start.startswith(subtree):  # else it sorts right after it
            kept.append(pattern)
            subtree = start if pattern.endswith("*") else subtree
    return tuple(sorted(kept))


def compact(values: Sequence[str]) -> str | list[str]:
    """Write a list of one as its item, since STS takes only 2,048 characters."""
    return values[0] if len(values) == 1 else list(values)
