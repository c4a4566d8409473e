"""The judge is judged too: on policies whose meaning IAM's documentation tells."""

import json
from typing import Any

import pytest

from tests.access.policy_evaluator import UnknownElement, allows, matches

KEY = "arn:aws:s3:::acme/a/b"


def a_policy(*statements: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def a_statement(**changes: Any) -> dict[str, Any]:
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
def test_a_pattern_has_two_special_characters(pattern: str, text: str, *, matched: bool) -> None:
    assert matches(pattern, text) is matched


def test_nothing_is_allowed_unless_a_statement_says_so() -> None:
    assert not allows(a_policy(), "s3:GetObject", KEY)
    assert allows(a_policy(a_statement()), "s3:GetObject", KEY)
    assert not allows(a_policy(a_statement()), "s3:PutObject", KEY)
    assert not allows(a_policy(a_statement()), "s3:GetObject", f"{KEY}c")


def test_an_action_has_no_case_and_a_resource_has() -> None:
    policy = a_policy(a_statement(Action=["S3:get*"], Resource=["arn:aws:s3:::acme/A/*", KEY]))
    assert allows(policy, "s3:GetObjectAcl", KEY)
    assert not allows(policy, "s3:GetObject", "arn:aws:s3:::acme/a/c")


def test_a_deny_wins() -> None:
    policy = a_policy(a_statement(), a_statement(Effect="Deny", Action="*", Resource="*"))
    assert not allows(policy, "s3:GetObject", KEY)


def test_all_conditions_have_to_hold_and_one_value_of_each() -> None:
    conditions = {"StringLike": {"s3:prefix": ["a/*", "b"]}, "StringEquals": {"k": "v*"}}
    policy = a_policy(a_statement(Condition=conditions))
    assert allows(policy, "s3:GetObject", KEY, {"s3:prefix": "a/", "k": "v*"})
    assert allows(policy, "s3:GetObject", KEY, {"s3:prefix": "b", "k": "v*"})
    assert not allows(policy, "s3:GetObject", KEY, {"s3:prefix": "b/", "k": "v*"})
    assert not allows(policy, "s3:GetObject", KEY, {"s3:prefix": "b", "k": "vw"})
    assert not allows(policy, "s3:GetObject", KEY, {"s3:prefix": "b"})


@pytest.mark.parametrize(
    "policy",
    [
        a_policy(a_statement(), Id="x"),
        a_policy(a_statement(), Version="2008-10-17"),
        a_policy(a_statement(NotAction="s3:*")),
        a_policy(a_statement(Sid="x")),
        a_policy(a_statement(Effect="allow")),
        a_policy(a_statement(Action=[])),
        a_policy(a_statement(Resource=f"{KEY}/${{aws:username}}")),
        a_policy(a_statement(Condition={"StringNotLike": {"s3:prefix": "a"}})),
        a_policy(a_statement(Condition={"StringLike": {}})),
        a_policy({"Effect": "Allow", "Action": "*"}),
        '{"Version":"2012-10-17","Statement":[],"Statement":[]}',
    ],
)
def test_what_it_does_not_know_is_refused(policy: str) -> None:
    with pytest.raises(UnknownElement):
        allows(policy, "s3:GetObject", KEY)


def test_what_is_not_ascii_is_refused() -> None:
    policy = json.dumps(json.loads(a_policy(a_statement(Resource="é"))), ensure_ascii=False)
    with pytest.raises(AssertionError):
        allows(policy, "s3:GetObject", KEY)
