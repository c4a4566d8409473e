"""Properties that hold for any grants."""

from hypothesis import given
from hypothesis import strategies as st

from service.access.decisions import Allowed, Denied, decide
from service.access.grants import AccessRequest, Grant, Grants, Operation
from service.access.limits import Limited
from tests.access.access_requests import access_requests, grants, keys, make_request, prefixes
from tests.support.factories import make_grant


@given(granted=prefixes, asked=prefixes, rest=keys, is_prefix=st.booleans())
def test_a_prefix_grants_no_key_of_its_sibling(
    granted: str, asked: str, rest: str, is_prefix: bool
) -> None:
    access_request = make_request(key=asked + rest, is_prefix=is_prefix)
    if decide(Grants([make_grant(prefix=granted)]), access_request) != Denied():
        assert granted.startswith(asked) or asked.startswith(granted)


@given(grant=grants, key=keys, more=st.text("ab/", max_size=3))
def test_a_granted_subtree_grants_each_key_in_it(grant: Grant, key: str, more: str) -> None:
    access_request = make_request(bucket=grant.bucket, key=key, is_prefix=True)
    if decide(Grants([grant]), access_request) != Denied():
        below = make_request(bucket=grant.bucket, key=key + more)
        assert decide(Grants([grant]), below) != Denied()


@given(some=st.lists(grants, max_size=6), access_request=access_requests)
def test_several_grants_allow_what_one_of_them_allows(
    some: list[Grant], access_request: AccessRequest
) -> None:
    """The longest of their lifetimes counts, or else the first limit."""
    alone = [decide(Grants([grant]), access_request) for grant in some]
    lifetimes = [each.max_expires_in for each in alone if isinstance(each, Allowed)]
    limits = [each for each in alone if isinstance(each, Limited)]
    decision = decide(Grants(some), access_request)
    if lifetimes:
        longest = None if None in lifetimes else max(each for each in lifetimes if each)
        assert decision == Allowed(longest)
    else:
        assert decision == (limits[0] if limits else Denied())


@given(grant=grants, access_request=access_requests)
def test_an_allowed_request_violates_no_limit(grant: Grant, access_request: AccessRequest) -> None:
    if isinstance(decide(Grants([grant]), access_request), Allowed):
        assert grant.bucket == access_request.bucket
        assert access_request.operation in grant.allow
        assert grant.allow_overwrite or not access_request.overwrite
        assert Operation.VERSIONS in grant.allow or not access_request.version
        assert within(access_request.content_length, grant.max_content_length)
        assert within(access_request.max_keys, grant.max_keys)


def within(value: int | None, limit: int | None) -> bool:
    return value is None or limit is None or value <= limit
