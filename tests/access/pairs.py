"""Compares two patterns of subjects, as `Patterns` compares many."""

from service.access.subject_patterns import Patterns


def intersecting_subject(one: str, other: str) -> str | None:
    """Return a subject that both patterns match, or None."""
    return dict(Patterns([other]).intersecting(one)).get(other)
