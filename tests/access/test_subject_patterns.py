"""Thousands of patterns in a tree give the same results as each pattern alone."""

import time
from functools import partial
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.access.caller_entries import Entries
from service.access.callers import CallerEntry, Identity
from service.access.grants import Caller
from service.access.subject_patterns import Patterns
from service.concurrency.event_loop import without_garbage_collection
from tests.access.counted_calls import calls
from tests.access.pairs import intersecting_subject

MANY = 4000
patterns = st.sets(st.text("ab:*", max_size=6), max_size=12)
subjects = st.text("ab:*", max_size=6)


@given(among=patterns, subject=subjects)
@example(among={"a*", "a"}, subject="a*")
@example(among={"*b*", "a:*"}, subject="a:b")
def test_matching_among_many_finds_the_same_as_each_alone(among: set[str], subject: str) -> None:
    entries = [CallerEntry(issuer="a", subject=each, grants=()) for each in sorted(among)]
    caller = Identity(Caller(issuer="a", subject=subject))
    assert Entries(entries).of(caller) == [each for each in entries if each.matches(caller)]


def test_distinct_patterns_are_listed_in_order() -> None:
    assert list(Patterns(["b*", "a*"])) == ["a*", "b*"]


def test_only_a_star_matches_a_star_in_a_subject() -> None:
    assert Patterns(["a*", "aX*", "ab*"]).matching("a*") == ["a*"]


def test_equal_patterns_of_other_issuers_do_not_match() -> None:
    entries = [CallerEntry(issuer=each, subject="a*", grants=()) for each in ("a", "b", None)]
    assert Entries(entries).of(Identity(Caller(issuer="b", subject="ax"))) == [entries[1]]


@given(among=patterns, one=subjects)
@example(among={"a*:b", "a:*"}, one="a*:b")
@example(among={"a*b", "ab*", "*"}, one="a*")
def test_intersecting_among_many_finds_the_same_as_pairs(among: set[str], one: str) -> None:
    found = dict(Patterns(among).intersecting(one))
    assert set(found) == {other for other in among if intersecting_subject(one, other) is not None}
    for other, subject in found.items():
        for pattern in (one, other):
            entry = CallerEntry(issuer=None, subject=pattern, grants=())
            assert entry.may_match(Caller(issuer=None, subject=subject))


@pytest.mark.parametrize(
    "shape",
    ["team-{}:*", "ns:*:deployer-{}", "ns:*:team-{}-*", "user-*@team-{}.example.com", "a:*:{}:*"],
)
def test_the_work_is_linear_in_the_number_of_patterns(shape: str) -> None:
    """Eight times the patterns take some eight times as long; comparing pairs, 64 times."""
    seconds = [compared(shape, MANY // 64), compared(shape, MANY // 8)]
    assert seconds[1] < 20 * seconds[0]  # comparing pairs of all would take minutes
    assert compared(shape, MANY) < 20 * seconds[1]


@pytest.mark.parametrize("shape", ["a*{}*z", "a*b*{}*z", "a*0*{}*z", "a*{}*z:*"])
def test_a_subject_is_compared_with_few_patterns_of_equal_ends(shape: str) -> None:
    """Ten times the patterns take as many calls, and ten times as many if each is compared.

    The first subject builds the tree.
    """
    trees = [Patterns([shape.format(f"{i:04}") for i in range(number)]) for number in (40, 400)]
    subject = shape.format("0023").replace("*", "-")
    assert [tree.matching(subject) for tree in trees] == [[shape.format("0023")]] * 2
    few, many = (calls(partial(tree.matching, subject)) for tree in trees)
    assert many < 2 * few


def compared(shape: str, number: int) -> float:
    """Return the CPU seconds of this thread, so that other work does not count."""
    among = [shape.format(f"{each:04}") for each in range(number)]
    with without_garbage_collection():
        begun = time.thread_time()
        tree = Patterns(among)
        for one in among:
            assert [each for each, _ in tree.intersecting(one)] == [one]
            assert tree.matching(one.replace("*", "x")) == [one]
        return time.thread_time() - begun


def test_one_pattern_finds_thousands_of_intersecting_ones() -> None:
    tree = Patterns([*(f"team-{number:04}-*" for number in range(MANY)), "team-*"])
    assert len(list(islice(tree.intersecting("team-*"), MANY + 2))) == MANY + 1
