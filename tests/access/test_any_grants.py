"""For any grants at all."""

from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Allowed, Demand, Denied, Grant, Operation, decide
from tests.access.access_requests import (
    a_demand,
    demands,
    grants,
    keys,
    prefixes,
)
from tests.support.fakes import a_grant


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
