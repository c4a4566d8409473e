"""How long a share link may live, by the grants of its maker."""

from typing import Any

import pytest

from service.access.decisions import max_link_expires_in
from service.access.grants import WEEK, Grant, Grants, Operation
from tests.access.access_requests import make_request
from tests.support.factories import make_grant

LINKS = frozenset({Operation.LINK, Operation.DOWNLOAD})


def test_a_link_lives_a_week_by_default() -> None:
    assert max_link_expires_in(Grants([make_grant(allow=LINKS)]), make_request()) == WEEK


def test_the_most_generous_grant_counts() -> None:
    grants = [make_grant(allow=LINKS, max_link_expires_in=each) for each in (10, 30, 20)]
    assert max_link_expires_in(Grants(grants), make_request()) == 30


def test_the_lifetime_of_urls_does_not_limit_links() -> None:
    assert (
        max_link_expires_in(Grants([make_grant(allow=LINKS, max_expires_in=1)]), make_request())
        == WEEK
    )


@pytest.mark.parametrize(
    "grants",
    [
        [],
        [make_grant(allow=frozenset({Operation.LINK}))],
        [make_grant(allow=frozenset({Operation.DOWNLOAD}))],
        [make_grant(allow=frozenset({each})) for each in LINKS],
        [make_grant(allow=LINKS, prefix="b/")],
        [make_grant(allow=LINKS, bucket="photos")],
    ],
)
def test_link_and_operation_must_be_in_one_covering_grant(grants: list[Grant]) -> None:
    assert max_link_expires_in(Grants(grants), make_request(key="a/b")) is None


@pytest.mark.parametrize(
    ("prefix", "most"), [("a/", WEEK), ("a/b/", WEEK), ("", None), ("a", None)]
)
def test_a_link_to_a_prefix_needs_a_grant_on_all_of_it(prefix: str, most: int | None) -> None:
    whole: dict[str, Any] = {"key": prefix, "is_prefix": True}
    grants = [make_grant(allow=LINKS, prefix="a/")]
    assert max_link_expires_in(Grants(grants), make_request(**whole)) == most
