"""For which other keys a decision holds: those below the same grants, and below no others."""

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
from tests.access.access_requests import a_demand, access_requests, grants, keys
from tests.support.fakes import a_grant


def of(*prefixes: str, key: str) -> DecisionScope | None:
    return decision_scope([a_grant(prefix=prefix) for prefix in prefixes], a_demand(key=key))


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
    ],
)
def test_a_decision_holds_below_the_narrowest_grant_that_covers_the_key_and_below_no_other(
    prefixes: list[str], key: str, found: DecisionScope
) -> None:
    assert of(*prefixes, key=key) == found


def test_a_decision_about_a_key_that_a_grant_names_holds_for_no_other() -> None:
    assert of("a/b", key="a/b") is None
    assert of("a/", "a/b", key="a/b") is None


def test_a_decision_about_a_subtree_holds_for_no_key() -> None:
    assert decision_scope([a_grant(prefix="a/")], a_demand(key="a/", subtree=True)) is None


def test_grants_of_other_buckets_and_operations_have_no_say() -> None:
    others = [
        a_grant(bucket="photos", prefix="a/b/"),
        a_grant(prefix="a/c/", allow=frozenset(Operation) - {Operation.DOWNLOAD}),
        a_grant(bucket="photos", prefix="a/d/", allow=frozenset({Operation.UPLOAD})),
    ]
    assert decision_scope([a_grant(prefix="a/"), *others], a_demand(key="a/x")) == DecisionScope(
        "a/", ()
    )


@pytest.mark.parametrize(
    ("key", "held"), [("a/x", True), ("a/", True), ("a/b/x", False), ("a/c", False), ("b", False)]
)
def test_a_reach_holds_a_key_below_its_prefix_that_begins_as_no_others(
    key: str, *, held: bool
) -> None:
    within = DecisionScope("a/", ("a/b/", "a/c"))
    assert within.contains(key) is held
    assert within.contains_all([key]) is held
    assert within.contains_all(["a/1", key]) is held
    assert within.contains_all([key, "a/1"]) is held


@given(some=st.lists(grants, max_size=4), access_request=access_requests, other=keys)
def test_within_its_reach_a_decision_is_the_same_for_every_key(
    some: list[Grant], access_request: AccessRequest, other: str
) -> None:
    within = decision_scope(some, access_request)
    if within is not None and within.contains(access_request.key) and within.contains(other):
        assert decide(some, replace(access_request, key=other)) == decide(some, access_request)


@given(
    some=st.lists(grants, max_size=4),
    access_request=access_requests,
    others=st.lists(keys, max_size=3),
)
def test_keys_are_held_together_if_each_is_held_alone(
    some: list[Grant], access_request: AccessRequest, others: list[str]
) -> None:
    within = decision_scope(some, access_request)
    if within is not None:
        assert within.contains_all(others) is all(within.contains(key) for key in others)
