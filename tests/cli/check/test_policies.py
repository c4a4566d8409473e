"""Session policies are checked once for all callers whose prefixes have one shape."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import bucket_arns
from service.access.grants import Grant
from service.access.session_policy import session_policy
from service.cli.check.policies import policy_of
from service.sessions import signature_age
from tests.access.policy_meaning import grants
from tests.support.factories import make_grant

ARNS = bucket_arns("acme", partition="aws", kms_via=("s3.eu-west-1.amazonaws.com",))


@given(st.lists(grants, min_size=1, max_size=3), st.text('aZ09/*$é-"', max_size=9))
def test_a_shared_policy_is_as_long_and_has_the_statements(own: list[Grant], name: str) -> None:
    for each in (own, [replace(own[0], prefix=f"{name}/")]):
        real = session_policy(each, ARNS, max_age=signature_age.max_age(each))
        shared = policy_of(tuple(each), ARNS)
        assert len(shared) == len(real)
        assert statements(shared) == statements(real)


def statements(policy: str) -> list[object]:
    """Return what each does, without what it is about."""
    return [
        (each["Effect"], each.get("Action"), {*each.get("Condition", {})})
        for each in json.loads(policy)["Statement"]
    ]


def test_callers_of_one_shape_share_a_policy() -> None:
    one, other = ((make_grant(prefix=f"team-{n:04}/"),) for n in (1, 2))
    assert policy_of(one, ARNS) is policy_of(other, ARNS)
