"""What a grant can cover below a prefix, if its own prefix depends on claims."""

import pytest

from service.access.prefix_coverage import covers_some, may_cover
from tests.support.factories import make_grant

OWN = "a/{claim:/x}/"
TWO = "a/{claim:/x}/{claim:/y}/"


@pytest.mark.parametrize(
    ("granted", "below", "covered"),
    [
        ("", "a/", True),
        ("a/", "a/", True),
        ("a/", "a/b/", True),
        ("a/b/", "a/", False),
        ("a.b/", "a.b/", True),
        ("a.b/", "axb/", False),
        ("a b/", "a b/", True),
        ("a", "a", False),  # one key
        (OWN, "a/bob/", True),
        (OWN, "a/bob/c/", True),
        (OWN, "a/", False),
        (OWN, "a//", False),
        (OWN, "b/bob/", False),
        ("a/{claim:/x}", "a/bob", False),
        (TWO, "a/bob/c/", True),
        (TWO, "a/bob/", False),
    ],
)
def test_a_grant_may_cover_all_below_a_prefix(granted: str, below: str, *, covered: bool) -> None:
    assert may_cover(make_grant(prefix=granted), below) is covered


@pytest.mark.parametrize(
    ("granted", "below", "covered"),
    [
        ("a/b/", "a/", True),
        ("a/b", "a/", True),
        ("a/", "a/", True),
        ("a/", "a/b/", False),
        ("b/", "a/", False),
        (OWN, "a/", True),
        (OWN, "", True),
        (OWN, "a/bob/", True),
        (OWN, "b/", False),
        (TWO, "a/bob/", True),
    ],
)
def test_a_grant_covers_something_below_a_prefix(
    granted: str, below: str, *, covered: bool
) -> None:
    assert covers_some(make_grant(prefix=granted), below) is covered
