"""Grants with conditions: each session allows what its own grants mean, where they hold."""

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.access.grants import Grant
from service.presigning.caller_access import Copying
from service.protocols.vended_credentials import CredentialsRequest, policy_for
from tests.iam.conditional import (
    ARNS,
    BUCKET,
    FROM,
    TAGS,
    grants_with_conditions,
    of_each_copy,
    of_each_session,
    of_program,
    sent,
    uploads_with_tags,
)
from tests.iam.probes import probes, tried
from tests.iam.simulator import IamRequest, Policies, Simulator
from tests.support.factories import REQUESTER, make_snapshot


@st.composite
def requests(draw: st.DrawFn, granted: list[Grant]) -> list[IamRequest]:
    """From some place, for an object with some tags."""
    probe = draw(probes(granted))
    asked = [*tried(probe), *uploads_with_tags(probe.key)]
    return [*sent(asked, draw(st.sampled_from(FROM)), draw(st.sampled_from(TAGS)))]


@settings(max_examples=150, phases=[Phase.explicit, Phase.generate])
@given(granted=grants_with_conditions(), data=st.data())
def test_each_session_may_do_what_its_grants_mean(
    simulator: Simulator, granted: list[Grant], data: st.DataObject
) -> None:
    access = make_snapshot(*granted, buckets={"reports": BUCKET}).access(REQUESTER.identity)
    for session in of_each_session(granted):
        policies = Policies(
            session=access.sessions[session.conditions].session_keys["reports"].policy
        )
        asked = data.draw(requests(granted))
        simulator.check(policies, [(each, session.allows(each)) for each in asked])


@settings(max_examples=75, phases=[Phase.explicit, Phase.generate])
@given(granted=grants_with_conditions(), data=st.data())
def test_each_session_that_copies_is_under_both_grants(
    simulator: Simulator, granted: list[Grant], data: st.DataObject
) -> None:
    access = make_snapshot(*granted, buckets={"reports": BUCKET}).access(REQUESTER.identity)
    for copying in of_each_copy(granted):
        found = access.copying[Copying("reports", copying.target, copying.source)]
        if found.sources:  # else a policy has no room for it
            asked = [each for each in data.draw(requests(granted)) if not _has_tags(each)]
            policies = Policies(session=found.key.policy)
            simulator.check(policies, [(each, copying.allows(each)) for each in asked])


def _has_tags(request: IamRequest) -> bool:
    return any("RequestObjectTag" in name for name in request.context)


@settings(max_examples=100, phases=[Phase.explicit, Phase.generate])
@given(granted=grants_with_conditions(), data=st.data())
def test_credentials_have_each_grant_under_its_conditions(
    simulator: Simulator, granted: list[Grant], data: st.DataObject
) -> None:
    policy, meaning = (
        policy_for(granted, CredentialsRequest(bucket="reports"), ARNS),
        of_program(granted),
    )
    assert (policy is not None) is bool(meaning.whole.grants)
    if policy is not None:
        asked = [each for each in data.draw(requests(granted)) if not _has_tags(each)]
        simulator.check(Policies(session=policy), [(each, meaning.allows(each)) for each in asked])
