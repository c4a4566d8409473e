"""The judge is judged too: on policies whose meaning IAM's documentation tells."""

import json
from typing import Any

import pytest

from tests.access.policy_evaluator import UnknownElement, allows, holds_at_ceph_squid, matches

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
    ("value", "without_the_key", "with_it"), [("true", True, False), ("false", False, True)]
)
def test_null_asks_whether_the_key_is_absent(
    value: str, *, without_the_key: bool, with_it: bool
) -> None:
    policy = a_policy(a_statement(Condition={"Null": {"k": value}}))
    assert allows(policy, "s3:GetObject", KEY) is without_the_key
    assert allows(policy, "s3:GetObject", KEY, {"k": ""}) is with_it


def test_a_negated_condition_holds_for_an_absent_key() -> None:
    policy = a_policy(a_statement(Condition={"StringNotEquals": {"k": ["v", "w"]}}))
    assert allows(policy, "s3:GetObject", KEY)
    assert allows(policy, "s3:GetObject", KEY, {"k": "x"})
    assert not allows(policy, "s3:GetObject", KEY, {"k": "w"})


def test_ceph_squid_reads_null_without_its_value() -> None:
    for value in ("true", "false"):
        policy = a_policy(a_statement(Condition={"Null": {"k": value}}))
        assert allows(policy, "s3:GetObject", KEY, holds=holds_at_ceph_squid)
        assert not allows(policy, "s3:GetObject", KEY, {"k": "v"}, holds=holds_at_ceph_squid)


def test_ceph_squid_holds_no_negated_condition_for_an_absent_key() -> None:
    policy = a_policy(a_statement(Condition={"StringNotEquals": {"k": "v"}}))
    assert not allows(policy, "s3:GetObject", KEY, holds=holds_at_ceph_squid)
    assert allows(policy, "s3:GetObject", KEY, {"k": "w"}, holds=holds_at_ceph_squid)


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
        a_policy(a_statement(Condition={"Null": {"k": "no"}})),
        a_policy(a_statement(Condition={"Null": {"k": ["true", "false"]}})),
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
