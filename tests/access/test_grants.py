from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Allowed, Demand, Denied, Grant, Limited, Operation, decide
from tests.fakes import a_grant


def a_demand(**changes: Any) -> Demand:
    demand = Demand(operation=Operation.DOWNLOAD, bucket="reports", key="a/b")
    return replace(demand, **changes)


def an_upload(**changes: Any) -> Demand:
    return replace(a_demand(operation=Operation.UPLOAD, content_length=5), **changes)


def a_form(**changes: Any) -> Demand:
    return replace(a_demand(operation=Operation.FORM, content_length=5), **changes)


ALLOWED = Allowed(None)


# What a grant covers


def test_no_grant_is_no_access() -> None:
    assert decide([], a_demand()) == Denied()


def test_a_grant_that_allows_nothing_grants_nothing() -> None:
    assert decide([a_grant(allow=frozenset())], a_demand()) == Denied()


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
        ("é/", "e\u0301/x", False),  # decomposed is another name
    ],
)
def test_a_prefix_covers_a_key(prefix: str, key: str, *, covered: bool) -> None:
    decision = decide([a_grant(prefix=prefix)], a_demand(key=key))
    assert decision == (ALLOWED if covered else Denied())


@pytest.mark.parametrize(
    ("prefix", "key", "covered"),
    [
        ("", "", True),
        ("a/", "a/", True),
        ("a/", "a/b", True),  # every key that starts so is below a/
        ("a/", "a", False),  # and so would ab be listed
        ("a/", "", False),
        ("a/b", "a/b", False),  # one key is no subtree: a/bc starts so too
        ("a/b", "a/b/", False),
    ],
)
def test_a_prefix_covers_a_subtree(prefix: str, key: str, *, covered: bool) -> None:
    demand = a_demand(operation=Operation.LIST, key=key, subtree=True)
    assert decide([a_grant(prefix=prefix)], demand) == (ALLOWED if covered else Denied())


def test_a_grant_is_for_one_bucket() -> None:
    assert decide([a_grant(bucket="photos")], a_demand()) == Denied()


@pytest.mark.parametrize("operation", set(Operation) - {Operation.VERSIONS})
def test_an_operation_is_allowed_by_its_own_name_alone(operation: Operation) -> None:
    demand = a_demand(operation=operation)
    assert decide([a_grant(allow=frozenset({operation}))], demand) == ALLOWED
    others = frozenset(Operation) - {operation}
    assert decide([a_grant(allow=others)], demand) == Denied()


# Its limits


LIMITED_GRANTS = [
    pytest.param(
        a_grant(allow=frozenset({Operation.DOWNLOAD})), a_demand(version=True), "version_id", id="v"
    ),
    pytest.param(a_grant(), an_upload(overwrite=True), "overwrite", id="overwrite"),
    pytest.param(a_grant(), a_form(overwrite=True), "overwrite", id="form overwrite"),
    pytest.param(
        a_grant(max_keys=100),
        a_demand(operation=Operation.LIST, subtree=True, max_keys=101),
        "max_keys",
        id="keys",
    ),
    pytest.param(
        a_grant(max_content_length=5), an_upload(content_length=6), "content_length", id="size"
    ),
    pytest.param(
        a_grant(max_content_length=0), an_upload(content_length=1), "content_length", id="empty"
    ),
    pytest.param(
        a_grant(max_content_length=5),
        a_form(content_length=6),
        "max_content_length",
        id="form size",
    ),
    pytest.param(
        a_grant(content_types=("image/*",)),
        an_upload(content_type="text/plain"),
        "content_type",
        id="type",
    ),
    pytest.param(
        a_grant(content_types=()), an_upload(content_type="text/plain"), "content_type", id="none"
    ),
    pytest.param(
        a_grant(content_types=("image/*",)),
        a_form(content_type="image/svg+xml"),
        "content_type",
        id="form type",
    ),
    pytest.param(
        a_grant(content_types=("image/*",)),
        a_form(content_type_prefix="image/"),
        "content_type_prefix",
        id="form type prefix",
    ),
]


@pytest.mark.parametrize(("grant", "demand", "field"), LIMITED_GRANTS)
def test_a_limit_is_named_with_the_field_it_is_for(
    grant: Grant, demand: Demand, field: str
) -> None:
    decision = decide([grant], demand)
    assert isinstance(decision, Limited)
    assert decision.pointer == f"#/{field}"
    assert decision.detail.startswith("Your grant ")
    assert not decision.missing


@pytest.mark.parametrize(("grant", "demand", "field"), LIMITED_GRANTS)
def test_what_is_limited_is_allowed_by_a_second_grant_without_the_limit(
    grant: Grant, demand: Demand, field: str
) -> None:
    wide = a_grant(allow_overwrite=True)
    assert decide([grant, wide], demand) == ALLOWED
    assert decide([wide, grant], demand) == ALLOWED


@pytest.mark.parametrize(("grant", "demand", "field"), LIMITED_GRANTS)
def test_a_limit_tells_nothing_of_what_no_grant_covers(
    grant: Grant, demand: Demand, field: str
) -> None:
    assert decide([replace(grant, prefix="x/")], demand) == Denied()


@pytest.mark.parametrize(
    ("grant", "demand"),
    [
        pytest.param(a_grant(), a_demand(version=True), id="version"),
        pytest.param(a_grant(allow_overwrite=True), an_upload(overwrite=True), id="overwrite"),
        pytest.param(
            a_grant(max_keys=100), a_demand(operation=Operation.LIST, max_keys=100), id="keys"
        ),
        pytest.param(a_grant(max_content_length=5), an_upload(content_length=5), id="size"),
        pytest.param(
            a_grant(content_types=("text/plain", "image/*")),
            an_upload(content_type="image/png"),
            id="type",
        ),
        pytest.param(a_grant(content_types=()), a_demand(), id="a download has no type to limit"),
        pytest.param(a_grant(), a_form(content_type_prefix="image/"), id="no types, any prefix"),
    ],
)
def test_what_is_within_the_limits_is_allowed(grant: Grant, demand: Demand) -> None:
    assert decide([grant], demand) == ALLOWED


@pytest.mark.parametrize("demand", [an_upload(), a_form()])
def test_a_type_that_was_left_out_is_asked_for_where_types_are_limited(demand: Demand) -> None:
    decision = decide([a_grant(content_types=("image/*",))], demand)
    assert isinstance(decision, Limited)
    assert (decision.pointer, decision.missing) == ("#/content_type", True)


def test_the_limit_told_is_the_grants_own_and_nothing_that_was_sent() -> None:
    decision = decide(
        [a_grant(content_types=("image/*", "application/pdf"))],
        an_upload(content_type="text/x-sent"),
    )
    assert decision == Limited(
        "#/content_type", "Your grant allows these types: image/*, application/pdf."
    )


# Several grants


@pytest.mark.parametrize(
    ("limits", "longest"),
    [([60], 60), ([60, 900], 900), ([900, 60], 900), ([60, None], None), ([None], None)],
)
def test_the_longest_lifetime_of_the_grants_that_allow_counts(
    limits: list[int | None], longest: int | None
) -> None:
    grants = [a_grant(max_expires_in=limit) for limit in limits]
    assert decide(grants, a_demand()) == Allowed(longest)


def test_the_lifetime_of_a_grant_that_does_not_allow_does_not_count() -> None:
    grants = [
        a_grant(max_expires_in=60),
        a_grant(max_expires_in=900, max_content_length=1),
        a_grant(max_expires_in=901, prefix="x/"),
        a_grant(bucket="photos"),
        a_grant(allow=frozenset({Operation.DOWNLOAD})),
    ]
    assert decide(grants, an_upload()) == Allowed(60)


def test_two_grants_do_not_make_a_third_of_their_halves() -> None:
    large = a_grant(content_types=("image/png",))
    typed = a_grant(max_content_length=1)
    demand = an_upload(content_type="text/plain", content_length=5)
    assert isinstance(decide([large, typed], demand), Limited)


# For any grants at all


segments = st.lists(st.sampled_from(["a", "b", "ab", "", "é"]), max_size=3)
prefixes = segments.map(lambda each: "".join(f"{segment}/" for segment in each))
keys = st.builds(lambda prefix, name: prefix + name, prefixes, st.sampled_from(["a", "ab", "b"]))
grants = st.builds(
    Grant,
    bucket=st.sampled_from(["reports", "photos"]),
    prefix=prefixes | keys,
    allow=st.frozensets(st.sampled_from(Operation)),
    max_expires_in=st.none() | st.integers(1, 3),
    max_content_length=st.none() | st.integers(0, 2),
    content_types=st.none() | st.lists(st.sampled_from(["image/*", "text/html"])).map(tuple),
    max_keys=st.none() | st.integers(1, 3),
    allow_overwrite=st.booleans(),
)
demands = st.builds(
    Demand,
    operation=st.sampled_from(Operation),
    bucket=st.sampled_from(["reports", "photos"]),
    key=prefixes | keys,
    subtree=st.booleans(),
    content_length=st.none() | st.integers(0, 3),
    content_type=st.none() | st.sampled_from(["image/png", "image/svg+xml", "text/html"]),
    content_type_prefix=st.none() | st.just("image/"),
    overwrite=st.booleans(),
    version=st.booleans(),
    max_keys=st.none() | st.integers(1, 4),
)


@given(granted=prefixes, asked=prefixes, rest=keys, subtree=st.booleans())
def test_no_key_below_one_prefix_is_granted_by_another_prefix_beside_it(
    granted: str,
    asked: str,
    rest: str,
    subtree: bool,
) -> None:
    demand = a_demand(key=asked + rest, subtree=subtree)
    if decide([a_grant(prefix=granted)], demand) != Denied():
        assert granted.startswith(asked) or asked.startswith(granted)


@given(grant=grants, key=keys, more=st.text("ab/", max_size=3))
def test_whoever_may_have_a_subtree_may_have_each_key_in_it(
    grant: Grant, key: str, more: str
) -> None:
    demand = a_demand(bucket=grant.bucket, key=key, subtree=True)
    if decide([grant], demand) != Denied():
        below = a_demand(bucket=grant.bucket, key=key + more)
        assert decide([grant], below) != Denied()


@given(some=st.lists(grants, max_size=4), more=st.lists(grants, max_size=2), demand=demands)
def test_to_take_grants_away_never_allows_more(
    some: list[Grant], more: list[Grant], demand: Demand
) -> None:
    with_all, with_some = decide(some + more, demand), decide(some, demand)
    if isinstance(with_some, Allowed):
        assert isinstance(with_all, Allowed)
        ends = [
            float("inf") if each is None else each
            for each in (with_some.max_expires_in, with_all.max_expires_in)
        ]
        assert ends[0] <= ends[1]
    if isinstance(with_all, Denied):
        assert isinstance(with_some, Denied)


@given(each=st.lists(grants, max_size=4), demand=demands)
def test_grants_allow_together_what_one_of_them_allows_alone(
    each: list[Grant], demand: Demand
) -> None:
    alone = any(isinstance(decide([grant], demand), Allowed) for grant in each)
    assert isinstance(decide(each, demand), Allowed) is alone


@given(grant=grants, demand=demands)
def test_what_one_grant_allows_breaks_none_of_its_limits(grant: Grant, demand: Demand) -> None:
    if isinstance(decide([grant], demand), Allowed):
        assert grant.bucket == demand.bucket
        assert demand.operation in grant.allow
        assert grant.allow_overwrite or not demand.overwrite
        assert Operation.VERSIONS in grant.allow or not demand.version
        assert within(demand.content_length, grant.max_content_length)
        assert within(demand.max_keys, grant.max_keys)


def within(value: int | None, limit: int | None) -> bool:
    return value is None or limit is None or value <= limit
