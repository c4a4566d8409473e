"""Several grants: each decides alone, and the most generous counts."""

import pytest

from service.access.grants import Allowed, Limited, Operation, decide
from tests.access.access_requests import make_request, make_upload
from tests.support.fakes import a_grant


@pytest.mark.parametrize(
    ("limits", "longest"),
    [([60], 60), ([60, 900], 900), ([900, 60], 900), ([60, None], None), ([None], None)],
)
def test_the_longest_lifetime_of_the_allowing_grants_counts(
    limits: list[int | None], longest: int | None
) -> None:
    grants = [a_grant(max_expires_in=limit) for limit in limits]
    assert decide(grants, make_request()) == Allowed(longest)


def test_lifetimes_of_other_grants_do_not_count() -> None:
    grants = [
        a_grant(max_expires_in=60),
        a_grant(max_expires_in=900, max_content_length=1),
        a_grant(max_expires_in=901, prefix="x/"),
        a_grant(bucket="photos"),
        a_grant(allow=frozenset({Operation.DOWNLOAD})),
    ]
    assert decide(grants, make_upload()) == Allowed(60)


def test_two_grants_do_not_combine_into_a_third() -> None:
    large = a_grant(content_types=("image/png",))
    typed = a_grant(max_content_length=1)
    access_request = make_upload(content_type="text/plain", content_length=5)
    assert isinstance(decide([large, typed], access_request), Limited)
