"""For which other keys a decision holds: those below the same grants, and below no others."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Demand, Grant, Operation, Reach, decide, reach
from tests.access.access_requests import (
    a_demand,
    demands,
    grants,
    keys,
)
from tests.support.fakes import a_grant


def of(*prefixes: str, key: str) -> Reach | None:
    return reach([a_grant(prefix=prefix) for prefix in prefixes], a_demand(key=key))


@pytest.mark.parametrize(
    ("prefixes", "key", "found"),
    [
        (["a/"], "a/b", Reach("a/", ())),
        ([""], "a/b", Reach("", ())),
        (["a/", "a/b/"], "a/b/c", Reach("a/b/", ())),
        (["a/b/", "a/"], "a/b/c", Reach("a/b/", ())),
        (["a/", "a/b/"], "a/x", Reach("a/", ("a/b/",))),
        (["a/", "a/b/", "b/"], "a/x", Reach("a/", ("a/b/", "b/"))),
        (["a/", "a/k"], "a/x", Reach("a/", ("a/k",))),
        (["a/"], "b", Reach("", ("a/",))),
        ([], "b", Reach("", ())),
    ],
)
def test_a_decision_holds_below_the_narrowest_grant_that_covers_the_key_and_below_no_other(
    prefixes: list[str], key: str, found: Reach
) -> None:
    assert of(*prefixes, key=key) == found


def test_a_decision_about_a_key_that_a_grant_names_holds_for_no_other() -> None:
    assert of("a/b", key="a/b") is None
    assert of("a/", "a/b", key="a/b") is None


def test_a_decision_about_a_subtree_holds_for_no_key() -> None:
    assert reach([a_grant(prefix="a/")], a_demand(key="a/", subtree=True)) is None


def test_grants_of_other_buckets_and_operations_have_no_say() -> None:
    others = [
        a_grant(bucket="photos", prefix="a/b/"),
        a_grant(prefix="a/c/", allow=frozenset(Operation) - {Operation.DOWNLOAD}),
        a_grant(bucket="photos", prefix="a/d/", allow=frozenset({Operation.UPLOAD})),
    ]
    assert reach([a_grant(prefix="a/"), *others], a_demand(key="a/x")) == Reach("a/", ())


@pytest.mark.parametrize(
    ("key", "held"), [("a/x", True), ("a/", True), ("a/b/x", False), ("a/c", False), ("b", False)]
)
def test_a_reach_holds_a_key_below_its_prefix_that_begins_as_no_others(
    key: str, *, held: bool
) -> None:
    within = Reach("a/", ("a/b/", "a/c"))
    assert within.holds(key) is held
    assert within.holds_all([key]) is held
    assert within.holds_all(["a/1", key]) is held
    assert within.holds_all([key, "a/1"]) is held


@given(some=st.lists(grants, max_size=4), demand=demands, other=keys)
def test_within_its_reach_a_decision_is_the_same_for_every_key(
    some: list[Grant], demand: Demand, other: str
) -> None:
    within = reach(some, demand)
    if within is not None and within.holds(demand.key) and within.holds(other):
        assert decide(some, replace(demand, key=other)) == decide(some, demand)


@given(some=st.lists(grants, max_size=4), demand=demands, others=st.lists(keys, max_size=3))
def test_keys_are_held_together_if_each_is_held_alone(
    some: list[Grant], demand: Demand, others: list[str]
) -> None:
    within = reach(some, demand)
    if within is not None:
        assert within.holds_all(others) is all(within.holds(key) for key in others)
