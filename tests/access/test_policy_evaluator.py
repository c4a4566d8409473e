"""The evaluator, on policies whose meaning IAM's documentation defines."""

import json
from typing import Any

import pytest

from tests.access.policy_evaluator import UnknownElement, allows, holds_at_ceph_squid, matches

KEY = "arn:aws:s3:::acme/a/b"


def make_policy(*statements: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def make_statement(**changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": KEY, **changes}


@pytest.mark.parametrize(
    ("pattern", "text", "matched"),
    [
        ("", "", True),
        ("*", "", True),
        ("a*", "a/b:c\n", True),
        ("a*b", "acb", True),
        ("a*b", "abc", False),
        ("a**b", "ab", True),
        ("?", "a", True),
        ("?", "", False),
        ("?", "ab", False),
        ("a.c", "abc", False),
        ("[a]", "a", False),
        ("a", "A", False),
        ("*a*a*", "aba", True),
        ("*a*a*", "ab", False),
    ],
)
def test_only_star_and_question_mark_are_special(pattern: str, text: str, *, matched: bool) -> None:
    assert matches(pattern, text) is matched


def test_nothing_is_allowed_unless_a_statement_says_so() -> None:
    assert not allows(make_policy(), "s3:GetObject", KEY)
    assert allows(make_policy(make_statement()), "s3:GetObject", KEY)
    assert not allows(make_policy(make_statement()), "s3:PutObject", KEY)
    assert not allows(make_policy(make_statement()), "s3:GetObject", f"{KEY}c")


def test_actions_ignore_case_and_resources_do_not() -> None:
    policy = make_policy(
        make_statement(Action=["S3:get*"], Resource=["arn:aws:s3:::acme/A/*", KEY])
    )
    assert allows(policy, "s3:GetObjectAcl", KEY)
    assert not allows(policy, "s3:GetObject", "arn:aws:s3:::acme/a/c")


def test_a_deny_wins() -> None:
    policy = make_policy(make_statement(), make_statement(Effect="Deny", Action="*", Resource="*"))
    assert not allows(policy, "s3:GetObject", KEY)


BOTH = {"StringLike": {"s3:prefix": ["a/*", "b"]}, "StringEquals": {"k": "v*"}}
NOT_V_OR_W = {"StringNotEquals": {"k": ["v", "w"]}}


@pytest.mark.parametrize(
    ("condition", "context", "iam", "ceph_squid"),
    [
        (BOTH, {"s3:prefix": "a/", "k": "v*"}, True, True),
        (BOTH, {"s3:prefix": "b", "k": "v*"}, True, True),
        (BOTH, {"s3:prefix": "b/", "k": "v*"}, False, False),
        (BOTH, {"s3:prefix": "b", "k": "vw"}, False, False),
        (BOTH, {"s3:prefix": "b"}, False, False),
        # Ceph Squid ignores the value of `Null`.
        ({"Null": {"k": "true"}}, {}, True, True),
        ({"Null": {"k": "true"}}, {"k": ""}, False, False),
        ({"Null": {"k": "false"}}, {}, False, True),
        ({"Null": {"k": "false"}}, {"k": ""}, True, False),
        # For an absent key, a negated condition holds at IAM, but not at Ceph Squid.
        (NOT_V_OR_W, {}, True, False),
        (NOT_V_OR_W, {"k": "x"}, True, True),
        (NOT_V_OR_W, {"k": "w"}, False, False),
    ],
    ids=str,
)
def test_a_condition_holds_for_a_context(
    condition: dict[str, Any], context: dict[str, str], *, iam: bool, ceph_squid: bool
) -> None:
    policy = make_policy(make_statement(Condition=condition))
    assert allows(policy, "s3:GetObject", KEY, context) is iam
    assert allows(policy, "s3:GetObject", KEY, context, holds=holds_at_ceph_squid) is ceph_squid


@pytest.mark.parametrize(
    "policy",
    [
        make_policy(make_statement(), Id="x"),
        make_policy(make_statement(), Version="2008-10-17"),
        make_policy(make_statement(NotAction="s3:*")),
        make_policy(make_statement(Sid="x")),
        make_policy(make_statement(Effect="allow")),
        make_policy(make_statement(Action=[])),
        make_policy(make_statement(Resource=f"{KEY}/${{aws:username}}")),
        make_policy(make_statement(Condition={"StringNotEqualsIgnoreCase": {"s3:prefix": "a"}})),
        make_policy(make_statement(Condition={"StringLike": {}})),
        make_policy(make_statement(Condition={"Null": {"k": "no"}})),
        make_policy(make_statement(Condition={"Null": {"k": ["true", "false"]}})),
        make_policy({"Effect": "Allow", "Action": "*"}),
        '{"Version":"2012-10-17","Statement":[],"Statement":[]}',
    ],
)
def test_unknown_elements_are_refused(policy: str) -> None:
    with pytest.raises(UnknownElement):
        allows(policy, "s3:GetObject", KEY)


def test_text_that_is_not_ascii_is_refused() -> None:
    policy = json.dumps(json.loads(make_policy(make_statement(Resource="é"))), ensure_ascii=False)
    with pytest.raises(AssertionError):
        allows(policy, "s3:GetObject", KEY)
