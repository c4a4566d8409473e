"""Decisions without a walk over the grants, and which keys share one."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice, takewhile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.callers import Identity, grants_of
from service.access.decisions import decide, max_link_expires_in, max_page_size, max_upload_size
from service.access.grants import AccessRequest, Grant, Grants, Operation, of_buckets
from service.access.limits import Limited, violated_limit
from service.access.prefixes import PrefixTable, subtrees_of
from tests.access.access_requests import access_requests, grants, keys, make_request, prefixes
from tests.access.counted_calls import calls
from tests.access.walking import covering, walked
from tests.support.examples import examples
from tests.support.factories import CALLER, make_caller_entry, make_grant

SOME = st.lists(grants, max_size=6)
ASKED = st.builds(
    lambda asked, also_needs: replace(asked, also_needs=also_needs),
    access_requests,
    st.sampled_from([None, Operation.SIGN]),
)
CLAIM = "{claim:/c}"


@examples(1000)
@given(some=SOME, request=ASKED, near=st.booleans())
def test_a_decision_is_that_of_a_walk_over_all_grants(
    some: list[Grant], request: AccessRequest, *, near: bool
) -> None:
    if near:  # the more of them cover the request
        needed = {request.operation, request.also_needs or request.operation}
        some = [replace(each, bucket="reports", allow=each.allow | needed) for each in some]
        request = replace(request, bucket="reports")
    assert decide(Grants(some), request) == walked(some, request)


@pytest.mark.parametrize("prefixes", [["", "a/", "a/b"], ["a/b", "a/", ""], ["a/", "a/b", ""]])
def test_the_limit_of_the_first_grant_is_told(prefixes: list[str]) -> None:
    held = [make_grant(prefix=each, max_content_length=n) for n, each in enumerate(prefixes)]
    decision = decide(Grants(held), make_request(operation=Operation.UPLOAD, content_length=9))
    assert isinstance(decision, Limited)
    assert decision == violated_limit(held[0], make_request(content_length=9))


@examples(300)
@given(some=SOME, claim=st.sampled_from(["a", "b", "ab"]), request=access_requests)
def test_claims_in_prefixes_are_decided_as_in_a_walk(
    some: list[Grant], claim: str, request: AccessRequest
) -> None:
    templates = [replace(each, prefix=each.prefix.replace("a", CLAIM)) for each in some]
    filled = [replace(each, prefix=each.prefix.replace("a", claim)) for each in some]
    identity = Identity(CALLER, {"/c": claim})
    found = grants_of([make_caller_entry(CALLER, *templates)], identity)
    assert list(found) == filled
    assert decide(found, request) == walked(filled, request)


@examples(1000)
@given(
    named=st.lists(st.tuples(prefixes | keys, st.integers())),
    some=st.lists(prefixes | keys, min_size=1),
)
def test_keys_are_alike_until_one_has_another_value(
    named: list[tuple[str, int]], some: list[str]
) -> None:
    values = dict[tuple[int, ...], tuple[int, ...]]()

    def of_equals_one(found: Iterable[int]) -> tuple[int, ...]:
        return values.setdefault(value := tuple(found), value)

    table = PrefixTable(named, of_equals_one)
    first = table.find(some[0])
    assert list(table.alike(some)) == [*takewhile(lambda key: table.find(key) is first, some)]


@examples(300)
@given(some=SOME, request=access_requests)
def test_the_largest_limits_are_those_of_a_walk(some: list[Grant], request: AccessRequest) -> None:
    found = covering(some, request)
    free = [each for each in found if violated_limit(each, request) is None]
    sizes = [9 if each.max_content_length is None else each.max_content_length for each in free]
    pages = [9 if each.max_keys is None else each.max_keys for each in free]
    links = [each.max_link_expires_in for each in found if Operation.LINK in each.allow]
    assert max_upload_size(Grants(some), request, 9) == max(sizes, default=0)
    assert max_page_size(Grants(some), request, 9) == max(pages, default=0)
    assert max_link_expires_in(Grants(some), request) == max(links, default=None)


@examples(300)
@given(some=SOME, request=ASKED, other=prefixes | keys)
def test_all_keys_in_a_scope_get_the_same_decision(
    some: list[Grant], request: AccessRequest, other: str
) -> None:
    held, beside = Grants(some), replace(request, key=other)
    if held.scope(request) is held.scope(beside):
        assert walked(some, request) == walked(some, beside)


NARROW = {"max_expires_in": 60}


@pytest.mark.parametrize(
    ("held", "one", "other", "shared"),
    [
        ({"": {}}, "a", "b/c", True),
        ({"a/": {}}, "a/b", "a/b/c", True),
        ({"a/": {}}, "a/b", "b", False),
        ({"a/": {}}, "b", "c/d", True),  # both are denied
        ({"a/": {}, "b/": {}}, "a/x", "b/x", True),
        ({"a/": {}, "b/": NARROW}, "a/x", "b/x", False),
        ({"a/": {}, "a/b/": {}}, "a/x", "a/b/x", True),
        ({"a/": {}, "a/b/": NARROW}, "a/x", "a/b/x", False),
        ({"a/": {}, "a/k": NARROW}, "a/k", "a/x", False),
        ({"a/": {}, "a/k": NARROW}, "a/kk", "a/x", True),
        ({"a/k": {}}, "a/k", "a/k/x", False),
    ],
)
def test_keys_share_a_scope_if_their_grants_have_the_same_limits(
    held: dict[str, dict[str, Any]], one: str, other: str, *, shared: bool
) -> None:
    found = Grants(make_grant(prefix=prefix, **limits) for prefix, limits in held.items())
    assert (found.scope(make_request(key=one)) is found.scope(make_request(key=other))) is shared


def test_an_operation_and_a_bucket_have_their_own_scopes() -> None:
    found = Grants([make_grant(), make_grant(bucket="photos")])
    asked = [make_request(operation=each) for each in (Operation.DOWNLOAD, Operation.HEAD)]
    asked += [make_request(bucket="photos"), make_request(also_needs=Operation.SIGN)]
    assert len({found.scope(each) for each in asked}) == len(asked)


def test_requests_for_unknown_buckets_leave_nothing_behind() -> None:
    found = Grants([make_grant()])
    for n in range(100):
        found.scope(make_request(bucket=f"unknown-{n}"))
    assert not found._tables


@pytest.mark.parametrize("work", ["decide", "scope", "size"])
def test_a_decision_costs_the_same_with_a_thousand_grants(work: str) -> None:
    request = make_request(operation=Operation.UPLOAD, key="team/7/x", content_length=5)
    do: dict[str, Callable[[Grants], object]] = {
        "decide": lambda found: decide(found, request),
        "scope": lambda found: found.scope(request),
        "size": lambda found: max_upload_size(found, request, 9),
    }
    few, many = (
        Grants(make_grant(prefix=f"team/{n}/", max_expires_in=n + 1) for n in range(count))
        for count in (10, 1000)
    )
    do[work](few), do[work](many)  # makes their tables
    assert calls(lambda: do[work](few)) == calls(lambda: do[work](many)) > 0


def test_a_table_is_made_without_comparing_all_prefixes() -> None:
    def steps(count: int) -> int:
        named = [(f"team/{n}/", n) for n in range(count)]
        return calls(lambda: PrefixTable(named, tuple))

    assert steps(1000) < 11 * steps(100)


def test_the_parts_of_a_key_are_the_prefixes_that_may_cover_it() -> None:
    assert [*subtrees_of("a/b//c")] == ["", "a/", "a/b/", "a/b//"]
    assert [*subtrees_of("")] == [""]


@pytest.mark.parametrize(
    ("key", "subtrees"),
    [("a/b/c", ["", "a/", "a/b/"]), ("a/", ["", "a/"]), ("/x", ["", "/"]), ("x", [""])],
)
def test_a_key_is_in_the_subtrees_of_its_folders(key: str, subtrees: list[str]) -> None:
    assert [*islice(subtrees_of(key), 9)] == subtrees


def test_a_key_of_its_own_is_no_subtree() -> None:
    table = PrefixTable([("a/b", 1), ("a/", 2)], tuple)
    found = [table.find("a/b"), table.find("a/b", is_prefix=True), table.find("a/bc")]
    assert found == [(1, 2), (2,), (2,)]


def test_a_key_with_a_grant_of_its_own_ends_a_run_of_its_folder() -> None:
    table = PrefixTable([("a/", 1), ("a/b", 2)], tuple)
    assert [*table.alike(["a/a", "a/aa", "a/b", "a/c"])] == ["a/a", "a/aa"]
    assert [*table.alike(["a/b", "a/a"])] == ["a/b"]


def test_grants_are_told_apart_by_bucket() -> None:
    first, other, second = (
        make_grant(bucket=bucket, prefix=prefix)
        for bucket, prefix in (("reports", "a/"), ("photos", ""), ("reports", ""))
    )
    assert of_buckets([first, other, second]) == {"reports": [first, second], "photos": [other]}
