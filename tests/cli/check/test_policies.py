"""Session policies are checked once for all callers whose prefixes have one shape."""

import json
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.access.bucket_arns import BucketArns, bucket_arns
from service.access.callers import CallerEntry
from service.access.conditions import conditions_of
from service.access.copy_policy import GrantedBucket, copy_policy
from service.access.grants import Conditions, Grant, Operation
from service.access.session_policy import least_policies, session_policies
from service.cli.check import left_out
from service.cli.check.policies import shape_of
from service.protocols.vended_credentials import CredentialsRequest, policy_for
from service.sessions import signature_age
from tests.access.policy_meaning import grants
from tests.support.factories import make_bucket, make_grant

KMS = ("s3.eu-west-1.amazonaws.com",)
ARNS = bucket_arns("acme", partition="aws", kms_via=KMS, enforces_limits=True)
ELSEWHERE = bucket_arns("acme", partition="aws")
MORE, POINT = (
    bucket_arns(name, partition="aws", kms_via=KMS, enforces_limits=True)
    for name in ("acme-archive", "arn:aws:s3:eu-west-1:111122223333:accesspoint/point")
)
PREFIXES = st.text('aZ09/*$é-"=+: ', max_size=9).flatmap(
    lambda name: st.sampled_from([f"{name}/", name])
)


LIMITED = st.builds(
    replace,
    grants,
    max_expires_in=st.sampled_from([None, 900]),
    conditions=st.sampled_from([None, Conditions(networks=("203.0.113.0/24",))]),
)
BUCKETS: Final = {"reports": ARNS, "more": MORE, "point": POINT, "same": ARNS, "store": ELSEWHERE}


@st.composite
def of_a_caller(draw: st.DrawFn) -> list[Grant]:
    """Return grants on several buckets, whose prefixes often begin alike."""
    starts = st.sampled_from(draw(st.lists(PREFIXES, min_size=1, max_size=2)))
    prefixes = st.builds(str.__add__, starts, st.just("") | PREFIXES)
    one = st.builds(replace, LIMITED, bucket=st.sampled_from([*BUCKETS]), prefix=prefixes)
    return draw(st.lists(one, min_size=1, max_size=4))


@given(of_a_caller())
@example([make_grant(prefix="team/a/"), make_grant(prefix="team/b/")])
@example([make_grant(prefix="a/"), make_grant(bucket="same", prefix="b/")])
def test_policies_of_a_shape_are_as_long_and_do_the_same(own: list[Grant]) -> None:
    for name, arns in BUCKETS.items():
        real, shared = (
            {
                bucket: tuple(each for each in grants if each.bucket == bucket)
                for bucket in (name, *BUCKETS)
            }
            for grants in (own, shape_of(own, BUCKETS))
        )
        if real[name]:
            assert policies(shared, arns, name) == policies(real, arns, name)


def policies(grants: dict[str, tuple[Grant, ...]], arns: BucketArns, name: str) -> list[object]:
    """Return the shapes of all policies that a caller with these grants has for a bucket."""
    vended = policy_for(grants[name], CredentialsRequest(bucket=name), arns)
    found: list[object] = [None if vended is None else shape(vended)]
    for conditions in conditions_of(grants[name]):
        alike = {
            bucket: tuple(each for each in own if each.conditions == conditions)
            for bucket, own in grants.items()
        }
        found += of_sessions(alike, arns, name)
    return found


def of_sessions(grants: dict[str, tuple[Grant, ...]], arns: BucketArns, name: str) -> list[object]:
    """As `policies`, of grants with the same conditions."""
    own, max_age = grants[name], signature_age.max_age(grants[name])
    others = [GrantedBucket(BUCKETS[each], its) for each, its in grants.items() if each != name]
    copies = copy_policy(own, arns, max_age=max_age, others=others)
    return [
        *map(shape, session_policies(own, arns, max_age=max_age)),
        *map(shape, least_policies(own, arns)),
        None if copies is None else (copies.copies, shape(copies.policy)),
    ]


def shape(policy: str) -> tuple[int, list[object]]:
    return len(policy), statements(policy)


def statements(policy: str) -> list[object]:
    """Return what each does, without what it is about."""
    return [
        (each["Effect"], each.get("Action"), {*each.get("Condition", {})})
        for each in json.loads(policy)["Statement"]
    ]


def test_callers_below_prefixes_of_their_own_have_one_shape() -> None:
    one, other = (
        [
            make_grant(prefix=f"team-{n:04}/in/"),
            make_grant(prefix=f"team-{n:04}/out/"),
            make_grant(bucket="more", prefix=f"team-{n:04}.txt"),
        ]
        for n in (1, 2)
    )
    assert shape_of(one, BUCKETS) == shape_of(other, BUCKETS)


def test_prefixes_of_one_bucket_under_two_names_stay_apart() -> None:
    own = [make_grant(prefix="one/"), make_grant(bucket="same", prefix="two/")]
    assert [each.prefix for each in shape_of(own, BUCKETS)] == ["one/", "two/"]


def test_callers_of_one_shape_read_their_own_prefixes() -> None:
    buckets = {"reports": make_bucket(arns=ARNS)}
    entries = [
        CallerEntry(
            issuer=None,
            subject=name,
            grants=(make_grant(prefix=f"{name}/", allow=frozenset({Operation.FORM})),),
        )
        for name in ("one", "two")
    ]
    first, second = left_out.describe(buckets, entries)
    words = "the session policy for bucket reports does not enforce create-only for"
    assert first.startswith(f"API key one: {words} one/: ")
    assert second.startswith(f"API key two: {words} two/: ")


def test_grants_that_differ_in_conditions_are_two_shapes() -> None:
    near, far = (
        [make_grant(conditions=Conditions(networks=(network,)))]
        for network in ("203.0.113.0/24", "2001:db8::/32")
    )
    assert len({shape_of(each, BUCKETS) for each in (near, far, [make_grant()])}) == 3


def test_what_is_left_out_is_under_the_grants_own_conditions() -> None:
    buckets = {"reports": make_bucket(arns=ARNS)}
    entries = [
        CallerEntry(
            issuer=None,
            subject=network,
            grants=(
                make_grant(
                    allow=frozenset({Operation.FORM}), conditions=Conditions(networks=(network,))
                ),
            ),
        )
        for network in ("203.0.113.0/24", "198.51.100.0/24")
    ]
    first, second = left_out.describe(buckets, entries)
    under = "the session policy for bucket reports under only from"
    assert first.startswith(f"API key 203.0.113.0/24: {under} 203.0.113.0/24 does not enforce")
    assert second.startswith(f"API key 198.51.100.0/24: {under} 198.51.100.0/24 does not enforce")


@pytest.mark.parametrize(("number", "is_told"), [(1, False), (12, True)])
def test_copies_under_other_conditions_may_have_no_room(number: int, *, is_told: bool) -> None:
    """Of each set of conditions alone there is room."""
    network = Conditions(networks=("203.0.113.0/24",))
    names = [f"{'a' * 60}{each}/" for each in range(number)]
    writes, reads = (frozenset({each}) for each in (Operation.UPLOAD, Operation.DOWNLOAD))
    grants = (
        *(make_grant(prefix=f"to/{each}", allow=writes, conditions=network) for each in names),
        *(make_grant(prefix=f"from/{each}", allow=reads) for each in names),
    )
    buckets = {"reports": make_bucket(arns=ARNS, copy_group=("role",))}
    entry = CallerEntry(issuer=None, subject="portal", grants=grants)
    told = (
        "API key portal: the session policy for bucket reports under only from 203.0.113.0/24 has "
        "no room for copies of what is read without a condition; merge or shorten its prefixes"
    )
    assert (told in left_out.describe(buckets, [entry])) is is_told
