"""Session policies are checked once for all callers whose prefixes have one shape."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from service.access.bucket_arns import bucket_arns
from service.access.grants import Grant
from service.access.session_policy import GrantedBucket, scoped_session
from service.cli.check.policies import session_of
from service.sessions import signature_age
from tests.access.policy_meaning import grants
from tests.support.factories import make_grant

KMS = ("s3.eu-west-1.amazonaws.com",)
ARNS = bucket_arns("acme", partition="aws", kms_via=KMS, enforces_limits=True)
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
        for sources in ((), (one,), (same,), (one, point)):
            max_age = signature_age.max_age(each)
            real = scoped_session(each, ARNS, max_age=max_age, others=sources)
            shared = session_of(tuple(each), ARNS, sources)
            assert shared.copies is real.copies
            assert len(shared.policy) == len(real.policy)
            assert statements(shared.policy) == statements(real.policy)


def statements(policy: str) -> list[object]:
    """Return what each does, without what it is about."""
    return [
        (each["Effect"], each.get("Action"), {*each.get("Condition", {})})
        for each in json.loads(policy)["Statement"]
    ]


def test_callers_of_one_shape_share_a_session() -> None:
    one, other = ((make_grant(prefix=f"team-{n:04}/"),) for n in (1, 2))
    assert session_of(one, ARNS) is session_of(other, ARNS)
    sources = [(GrantedBucket(MORE, each),) for each in (other, one)]
    assert session_of(one, ARNS, sources[0]) is session_of(other, ARNS, sources[1])


def test_prefixes_of_one_bucket_under_two_names_stay_apart() -> None:
    own, other = (make_grant(prefix=f"{name}/") for name in ("one", "two"))
    session = session_of((own,), ARNS, (GrantedBucket(ARNS, (other,)),))
    assert "one/" in session.policy
    assert "two/" in session.policy
