"""The policy of `presign revoke` ends the older sessions of one caller, and nobody else's."""

from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.operations.revoke.policy import Target, merged, written
from service.sessions.source import Owner, session_name
from tests.iam.s3_requests import BUCKET_ARN, OF_A_SESSION, kms_request
from tests.iam.simulator import EVERYTHING, IamRequest, Policies, Simulator
from tests.operations.test_revoke_policy import target

CUTOFF: Final = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp())
ROLE_ID: Final = "AROAEXAMPLEEXAMPLE111"
subjects = st.text("ab:/@-A é", min_size=1, max_size=60)
owners = st.tuples(st.none() | st.just("https://id.example.com"), subjects)


def by_session(name: str, issued: int) -> list[IamRequest]:
    """Return requests of a session with this name, which STS has issued at that second."""
    keys = {**OF_A_SESSION, "aws:userid": f"{ROLE_ID}:{name}"}
    get = IamRequest(action="s3:GetObject", resource=f"{BUCKET_ARN}/a", context=keys)
    return [
        each.having(aws_TokenIssueTime=written(issued), aws_userid=keys["aws:userid"])
        for each in (get, kms_request("kms:Decrypt"))
    ]


def policies_of(revoked: Target) -> Policies:
    return Policies(identity=[EVERYTHING, merged(None, revoked.userids, CUTOFF)])


@settings(max_examples=100, phases=[Phase.explicit, Phase.generate])
@given(owner=owners, other=owners, after=st.integers(-3, 3), vended=st.booleans())
def test_exactly_the_older_sessions_of_the_caller_end(
    simulator: Simulator, owner: Owner, other: Owner, after: int, *, vended: bool
) -> None:
    policies = policies_of(target(owner=owner))
    for each in (owner, other):
        asked = by_session(session_name(each, vended=vended), CUTOFF + after)
        allowed = each != owner or after >= 0
        simulator.check(policies, [(request, allowed) for request in asked])


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("billing-08746297dcc3", False),
        ("billing-08746297dcc3-vended", False),
        ("billing-08746297dcc4", True),
        ("billing-08746297dcc3-", True),
        ("billing-08746297dcc", True),
        ("Billing-08746297dcc3", True),
        ("a:billing-08746297dcc3", False),  # no name has a colon: see Target.userids
        ("presign", True),
    ],
)
def test_a_name_that_is_nearly_equal_lives_on(
    simulator: Simulator, name: str, *, allowed: bool
) -> None:
    assert session_name((None, "billing")) == "billing-08746297dcc3"
    asked = by_session(name, CUTOFF - 1)
    simulator.check(policies_of(target()), [(request, allowed) for request in asked])


def test_a_session_without_these_keys_lives_on(simulator: Simulator) -> None:
    """Those of a user have no TokenIssueTime: the policy is the signing role's."""
    for request in by_session(session_name((None, "billing")), CUTOFF - 1):
        assert simulator.allows(policies_of(target()), request.having(aws_TokenIssueTime=None))
        assert simulator.allows(policies_of(target()), request.having(aws_userid=None))
