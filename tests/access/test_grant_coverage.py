"""Which keys, buckets and operations a grant covers."""

from dataclasses import replace

import pytest

from service.access.decisions import Denied, decide
from service.access.grants import Grant, Grants, Operation
from tests.access.access_requests import ALLOWED, make_request
from tests.support.factories import make_grant


@pytest.mark.parametrize(
    "grants",
    [[], [make_grant(allow=frozenset())], [make_grant(bucket="photos")]],
    ids=["no grant", "no operation", "another bucket"],
)
def test_without_a_grant_for_bucket_and_operation_access_is_denied(grants: list[Grant]) -> None:
    assert decide(Grants(grants), make_request()) == Denied()


@pytest.mark.parametrize(
    ("prefix", "covered", "others"),
    [
        ("", ["a", "a/b"], []),
        ("a/", ["a/b", "a/", "a/b/c"], ["a", "ab", "ab/c", "A/b", "/a/b", "b/a/c"]),
        ("a/b/", [], ["a/b"]),
        ("a/b", ["a/b"], ["a/bc", "a/b/c", "a/"]),
        ("é/", ["é/x"], ["e\u0301/x"]),  # decomposed, so another name
    ],
)
def test_a_prefix_covers_keys(prefix: str, covered: list[str], others: list[str]) -> None:
    for key in covered:
        assert decide(Grants([make_grant(prefix=prefix)]), make_request(key=key)) == ALLOWED
    for key in others:
        assert decide(Grants([make_grant(prefix=prefix)]), make_request(key=key)) == Denied()


@pytest.mark.parametrize(
    ("prefix", "covered", "others"),
    [
        ("", [""], []),
        ("a/", ["a/", "a/b"], ["", "a"]),  # `a` would list ab too
        ("a/b", [], ["a/b/", "a/b"]),  # `a/b` would list a/bc too
    ],
)
def test_a_prefix_covers_subtrees(prefix: str, covered: list[str], others: list[str]) -> None:
    listing = make_request(operation=Operation.LIST, is_prefix=True)
    for key in covered:
        assert decide(Grants([make_grant(prefix=prefix)]), replace(listing, key=key)) == ALLOWED
    for key in others:
        assert decide(Grants([make_grant(prefix=prefix)]), replace(listing, key=key)) == Denied()


@pytest.mark.parametrize("operation", sorted(set(Operation) - {Operation.VERSIONS}))
def test_each_operation_needs_its_own_name(operation: Operation) -> None:
    access_request = make_request(operation=operation)
    assert decide(Grants([make_grant(allow=frozenset({operation}))]), access_request) == ALLOWED
    others = frozenset(Operation) - {operation}
    assert decide(Grants([make_grant(allow=others)]), access_request) == Denied()
