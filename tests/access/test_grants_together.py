"""Several grants: each decides alone, and the most generous counts."""

import pytest

from service.access.grants import Allowed, Limited, Operation, decide
from tests.access.access_requests import a_demand, an_upload
from tests.support.fakes import a_grant


@pytest.mark.parametrize(
    ("limits", "longest"),
    [([60], 60), ([60, 900], 900), ([900, 60], 900), ([60, None], None), ([None], None)],
)
def test_the_longest_lifetime_of_the_grants_that_allow_counts(
    limits: list[int | None], longest: int | None
) -> None:
    grants = [a_grant(max_expires_in=limit) for limit in limits]
    assert decide(grants, a_demand()) == Allowed(longest)


def test_the_lifetime_of_a_grant_that_does_not_allow_does_not_count() -> None:
    grants = [
        a_grant(max_expires_in=60),
        a_grant(max_expires_in=900, max_content_length=1),
        a_grant(max_expires_in=901, prefix="x/"),
        a_grant(bucket="photos"),
        a_grant(allow=frozenset({Operation.DOWNLOAD})),
    ]
    assert decide(grants, an_upload()) == Allowed(60)


def test_two_grants_do_not_make_a_third_of_their_halves() -> None:
    large = a_grant(content_types=("image/png",))
    typed = a_grant(max_content_length=1)
    access_request = an_upload(content_type="text/plain", content_length=5)
    assert isinstance(decide([large, typed], access_request), Limited)
