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


def test_all_conditions_must_hold_with_one_of_their_values() -> None:
    conditions = {"StringLike": {"s3:prefix": ["a/*", "b"]}, "StringEquals": {"k": "v*"}}
    policy = make_policy(make_statement(Condition=conditions))
    assert allows(policy, "s3:GetObject", KEY, {"s3:prefix": "a/", "k": "v*"})
    assert allows(policy, "s3:GetObject", KEY, {"s3:prefix": "b", "k": "v*"})
    assert not allows(policy, "s3:GetObject", KEY, {"s3:prefix": "b/", "k": "v*"})
    assert not allows(policy, "s3:GetObject", KEY, {"s3:prefix": "b", "k": "vw"})
    assert not allows(policy, "s3:GetObject", KEY, {"s3:prefix": "b"})


@pytest.mark.parametrize(
    ("value", "without_the_key", "with_it"), [("true", True, False), ("false", False, True)]
)
def test_null_tests_whether_the_key_is_absent(
    value: str, *, without_the_key: bool, with_it: bool
) -> None:
    policy = make_policy(make_statement(Condition={"Null": {"k": value}}))
    assert allows(policy, "s3:GetObject", KEY) is without_the_key
    assert allows(policy, "s3:GetObject", KEY, {"k": ""}) is with_it


def test_a_negated_condition_holds_for_an_absent_key() -> None:
    policy = make_policy(make_statement(Condition={"StringNotEquals": {"k": ["v", "w"]}}))
    assert allows(policy, "s3:GetObject", KEY)
    assert allows(policy, "s3:GetObject", KEY, {"k": "x"})
    assert not allows(policy, "s3:GetObject", KEY, {"k": "w"})


def test_ceph_squid_ignores_the_value_of_null() -> None:
    for value in ("true", "false"):
        policy = make_policy(make_statement(Condition={"Null": {"k": value}}))
        assert allows(policy, "s3:GetObject", KEY, holds=holds_at_ceph_squid)
        assert not allows(policy, "s3:GetObject", KEY, {"k": "v"}, holds=holds_at_ceph_squid)


def test_ceph_squid_fails_negated_conditions_for_absent_keys() -> None:
    policy = make_policy(make_statement(Condition={"StringNotEquals": {"k": "v"}}))
    assert not allows(policy, "s3:GetObject", KEY, holds=holds_at_ceph_squid)
    assert allows(policy, "s3:GetObject", KEY, {"k": "w"}, holds=holds_at_ceph_squid)


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
        make_policy(make_statement(Condition={"StringNotLike": {"s3:prefix": "a"}})),
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
