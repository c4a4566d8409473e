"""Session policies are checked once for all callers whose prefixes have one shape."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import bucket_arns
from service.access.copy_policy import GrantedBucket, copy_policy
from service.access.grants import Grant
from service.access.session_policy import session_policies
from service.cli.check.left_out import copies_of, policies_of
from service.sessions import signature_age
from tests.access.policy_meaning import grants
from tests.support.factories import make_grant

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


LIMITED = st.builds(replace, grants, max_expires_in=st.sampled_from([None, 900]))


@given(st.lists(LIMITED, min_size=1, max_size=3), grants, PREFIXES, PREFIXES)
def test_a_shared_session_is_as_long_and_does_the_same(
    own: list[Grant], other: Grant, prefix: str, source: str
) -> None:
    readable = (replace(other, prefix=source),)
    one, same, point = (GrantedBucket(arns, readable) for arns in (MORE, ARNS, POINT))
    for each in (own, [replace(own[0], prefix=prefix)]):
        max_age = signature_age.max_age(each)
        for arns in (ARNS, ELSEWHERE):
            real, shared = (
                session_policies(each, arns, max_age=max_age),
                policies_of(tuple(each), arns),
            )
            assert [*map(shape, shared)] == [*map(shape, real)]
        for sources in ((), (one,), (same,), (one, point)):
            copies = copy_policy(each, ARNS, max_age=max_age, others=sources)
            found = copies_of(tuple(each), ARNS, sources)
            assert (found is None) is (copies is None)
            if found is not None and copies is not None:
                assert found.copies is copies.copies
                assert shape(found.policy) == shape(copies.policy)


def shape(policy: str) -> tuple[int, list[object]]:
    return len(policy), statements(policy)


def statements(policy: str) -> list[object]:
    """Return what each does, without what it is about."""
    return [
        (each["Effect"], each.get("Action"), {*each.get("Condition", {})})
        for each in json.loads(policy)["Statement"]
    ]


def test_callers_of_one_shape_share_a_session() -> None:
    one, other = ((make_grant(prefix=f"team-{n:04}/"),) for n in (1, 2))
    assert policies_of(one, ARNS) is policies_of(other, ARNS)
    sources = [(GrantedBucket(MORE, each),) for each in (other, one)]
    copies = copies_of(one, ARNS, sources[0])
    assert copies is not None
    assert copies is copies_of(other, ARNS, sources[1])


def test_prefixes_of_one_bucket_under_two_names_stay_apart() -> None:
    own, other = (make_grant(prefix=f"{name}/") for name in ("one", "two"))
    copies = copies_of((own,), ARNS, (GrantedBucket(ARNS, (other,)),))
    assert copies is not None
    assert "one/" in copies.policy
    assert "two/" in copies.policy
