"""The policy that denies older sessions: its statement, its merging, and its cutoff."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.operations.revoke.output import early_lift_warning
from service.operations.revoke.policy import (
    Target,
    UnreadablePolicy,
    cutoff_at,
    cutoff_in,
    merged,
    parse_cutoff,
    revoked_before,
    statement,
    without,
    written,
)
from service.sessions.attempts import ATTEMPT_SECONDS
from service.sessions.source import session_name

USERIDS: Final = ["*:billing-08746297dcc3", "*:billing-08746297dcc3-vended"]
NOON: Final = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp())
FOREIGN: Final = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}
moments = st.integers(0, 4_000_000_000)


def target(**changes: Any) -> Target:
    given_ = {
        "role_arn": "arn:aws:iam::111122223333:role/path/presign",
        "owner": (None, "billing"),
        "buckets": ("reports",),
        "region": "eu-west-1",
        "seconds": 3600,
    }
    return Target(**{**given_, **changes})


def test_the_statement_denies_everything_to_older_sessions_of_the_name() -> None:
    assert statement(USERIDS, NOON) == {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "DateLessThan": {"aws:TokenIssueTime": "2026-01-01T12:00:00Z"},
            "StringLike": {"aws:userid": USERIDS},
        },
    }


def test_userids_and_policy_contain_the_sessions_name() -> None:
    owner = (None, "billing")
    names = [session_name(owner), session_name(owner, vended=True)]
    assert target().userids == [f"*:{name}" for name in names]
    assert target().policy_name == f"presign-revoke-{session_name((None, 'billing'))}"


@given(now=st.floats(0, 4e9))
def test_the_cutoff_covers_this_second_with_a_slow_clock(now: float) -> None:
    """`aws:TokenIssueTime` is cut to the second, and DateLessThan excludes an equal time."""
    issued = int(now + 5)
    assert issued < cutoff_at(now) <= issued + 1


@given(moment=moments, issued=moments, took=st.floats(0, ATTEMPT_SECONDS))
def test_replicas_drop_all_denied_sessions(moment: int, issued: int, took: float) -> None:
    """They know the `Date` of STS's response, which is later than the issue."""
    date = int(issued + took)
    assert date < revoked_before(moment) or issued >= moment


@given(earlier=moments, later=moments)
def test_a_cutoff_only_moves_forward(earlier: int, later: int) -> None:
    twice = merged(merged(None, USERIDS, earlier), USERIDS, later)
    assert twice == merged(None, USERIDS, max(earlier, later))


def test_statements_of_others_are_kept() -> None:
    of_another = statement(["*:web-08746297dcc3"], NOON)
    wider = statement(USERIDS, NOON) | {"Sid": "ByHand"}
    document = {"Version": "2012-10-17", "Id": "x", "Statement": [FOREIGN, of_another, wider]}
    joined = merged(document, USERIDS, NOON)
    assert joined == {**document, "Statement": [*document["Statement"], statement(USERIDS, NOON)]}
    assert without(joined, USERIDS) == document


def test_a_single_statement_does_not_have_to_be_a_list() -> None:
    joined = merged({"Statement": FOREIGN}, USERIDS, NOON)
    assert joined["Statement"] == [FOREIGN, statement(USERIDS, NOON)]


def test_nothing_is_left_of_a_policy_with_our_statement_only() -> None:
    assert without(merged(None, USERIDS, NOON), USERIDS) is None


@pytest.mark.parametrize("document", [{}, {"Statement": "none"}, {"Statement": None}])
def test_an_unreadable_policy_is_not_extended(document: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePolicy):
        merged(document, USERIDS, NOON)


@pytest.mark.parametrize(
    "changes",
    [
        {"Action": "s3:*"},
        {"Condition": {"DateLessThan": {"aws:TokenIssueTime": "soon"}}},
        {"Condition": {"DateLessThan": {"aws:TokenIssueTime": 1767268800}}},
        {"Condition": {"DateLessThan": "2026-01-01T12:00:00Z"}},
        {"Condition": None},
    ],
)
def test_a_changed_statement_is_not_ours(changes: dict[str, Any]) -> None:
    document = {"Statement": [statement(USERIDS, NOON) | changes, "not a statement"]}
    assert cutoff_in(document, USERIDS) is None
    assert merged(document, USERIDS, NOON)["Statement"][:2] == document["Statement"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01T12:00:00Z", NOON),
        ("2026-01-01 13:00:00+01:00", NOON),
        ("2026-01-01T11:59:59.001Z", NOON),
        ("2026-01-01T12:00:05Z", NOON + 5),
    ],
)
def test_a_cutoff_is_rounded_up_to_a_second(text: str, moment: int) -> None:
    assert parse_cutoff(text, NOON) == moment


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-01-01T12:00:00", "with its zone, such as 2026-11-24T20:00:00Z"),
        ("2026-01-01", "with its zone"),
        ("noon", "with its zone"),
        ("2026-13-01T12:00:00Z", "with its zone"),
        ("2026-01-01T12:00:06Z", "write a time in the past"),
    ],
)
def test_an_unusable_cutoff_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_cutoff(text, NOON)


def test_a_lift_is_warned_of_while_sessions_live() -> None:
    warning = early_lift_warning(target(), NOON, NOON + 3599.0)
    assert warning is not None
    assert f"live until {written(NOON + 3600)}" in warning
    assert early_lift_warning(target(), NOON, NOON + 3600.0) is None


def test_a_role_has_room_for_many_revocations() -> None:
    """…/IAM/latest/UserGuide/reference_iam-quotas.html: 10,240 characters without white space."""
    userids = target(owner=("cluster-a", "x" * 255)).userids
    length = len(json.dumps(merged(None, userids, NOON), separators=(",", ":")))
    assert 10_240 // length >= 30
