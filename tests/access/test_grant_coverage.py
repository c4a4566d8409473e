"""Which keys, buckets and operations a grant covers."""

import pytest

from service.access.grants import Denied, Operation, decide
from tests.access.access_requests import ALLOWED, make_request
from tests.support.factories import make_grant


def test_no_grant_means_no_access() -> None:
    assert decide([], make_request()) == Denied()


def test_a_grant_without_operations_grants_nothing() -> None:
    assert decide([make_grant(allow=frozenset())], make_request()) == Denied()


@pytest.mark.parametrize(
    ("prefix", "key", "covered"),
    [
        ("", "a", True),
        ("", "a/b", True),
        ("a/", "a/b", True),
        ("a/", "a/", True),
        ("a/", "a/b/c", True),
        ("a/", "a", False),
        ("a/", "ab", False),
        ("a/", "ab/c", False),
        ("a/", "A/b", False),
        ("a/", "/a/b", False),
        ("a/", "b/a/c", False),
        ("a/b/", "a/b", False),
        ("a/b", "a/b", True),
        ("a/b", "a/bc", False),
        ("a/b", "a/b/c", False),
        ("a/b", "a/", False),
        ("é/", "é/x", True),
        ("é/", "e\u0301/x", False),  # decomposed, so another name
    ],
)
def test_a_prefix_covers_a_key(prefix: str, key: str, *, covered: bool) -> None:
    decision = decide([make_grant(prefix=prefix)], make_request(key=key))
    assert decision == (ALLOWED if covered else Denied())


@pytest.mark.parametrize(
    ("prefix", "key", "covered"),
    [
        ("", "", True),
        ("a/", "a/", True),
        ("a/", "a/b", True),
        ("a/", "a", False),  # it would list ab too
        ("a/", "", False),
        ("a/b", "a/b", False),  # it would list a/bc too
        ("a/b", "a/b/", False),
    ],
)
def test_a_prefix_covers_a_subtree(prefix: str, key: str, *, covered: bool) -> None:
    access_request = make_request(operation=Operation.LIST, key=key, subtree=True)
    assert decide([make_grant(prefix=prefix)], access_request) == (ALLOWED if covered else Denied())


def test_a_grant_is_for_one_bucket() -> None:
    assert decide([make_grant(bucket="photos")], make_request()) == Denied()


@pytest.mark.parametrize("operation", sorted(set(Operation) - {Operation.VERSIONS}))
def test_each_operation_needs_its_own_name(operation: Operation) -> None:
    access_request = make_request(operation=operation)
    assert decide([make_grant(allow=frozenset({operation}))], access_request) == ALLOWED
    others = frozenset(Operation) - {operation}
    assert decide([make_grant(allow=others)], access_request) == Denied()
