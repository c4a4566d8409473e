"""Which other keys get the same decision."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import (
    AccessRequest,
    DecisionScope,
    Grant,
    Operation,
    decide,
    decision_scope,
)
from tests.access.access_requests import access_requests, grants, keys, make_request
from tests.support.factories import make_grant


@pytest.mark.parametrize(
    ("prefixes", "key", "found"),
    [
        (["a/"], "a/b", DecisionScope("a/", ())),
        ([""], "a/b", DecisionScope("", ())),
        (["a/", "a/b/"], "a/b/c", DecisionScope("a/b/", ())),
        (["a/b/", "a/"], "a/b/c", DecisionScope("a/b/", ())),
        (["a/", "a/b/"], "a/x", DecisionScope("a/", ("a/b/",))),
        (["a/", "a/b/", "b/"], "a/x", DecisionScope("a/", ("a/b/", "b/"))),
        (["a/", "a/k"], "a/x", DecisionScope("a/", ("a/k",))),
        (["a/"], "b", DecisionScope("", ("a/",))),
        ([], "b", DecisionScope("", ())),
        (["a/b"], "a/b", None),  # for that very key
        (["a/", "a/b"], "a/b", None),
    ],
)
def test_the_scope_is_the_narrowest_covering_prefix_without_others(
    prefixes: list[str], key: str, found: DecisionScope | None
) -> None:
    granted = [make_grant(prefix=prefix) for prefix in prefixes]
    assert decision_scope(granted, make_request(key=key)) == found


def test_a_request_for_a_subtree_has_no_scope() -> None:
    assert decision_scope([make_grant(prefix="a/")], make_request(key="a/", subtree=True)) is None


def test_grants_of_other_buckets_and_operations_do_not_count() -> None:
    others = [
        make_grant(bucket="photos", prefix="a/b/"),
        make_grant(prefix="a/c/", allow=frozenset(Operation) - {Operation.DOWNLOAD}),
        make_grant(bucket="photos", prefix="a/d/", allow=frozenset({Operation.UPLOAD})),
    ]
    assert decision_scope(
        [make_grant(prefix="a/"), *others], make_request(key="a/x")
    ) == DecisionScope("a/", ())


@pytest.mark.parametrize(
    ("key", "held"), [("a/x", True), ("a/", True), ("a/b/x", False), ("a/c", False), ("b", False)]
)
def test_a_scope_contains_keys_under_its_prefix_but_no_other(key: str, *, held: bool) -> None:
    within = DecisionScope("a/", ("a/b/", "a/c"))
    assert within.contains(key) is held


@given(some=st.lists(grants, max_size=4), access_request=access_requests, other=keys)
def test_all_keys_in_a_scope_get_the_same_decision(
    some: list[Grant], access_request: AccessRequest, other: str
) -> None:
    within = decision_scope(some, access_request)
    if within is not None and within.contains(access_request.key) and within.contains(other):
        assert decide(some, replace(access_request, key=other)) == decide(some, access_request)
