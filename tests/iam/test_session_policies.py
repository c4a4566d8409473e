"""The policy of a caller's session allows what the grants mean: no request more, none less."""

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.access.grants import Grant
from service.access.narrowing import Permission
from service.presigning.caller_access import Copying
from service.protocols.vended_credentials import CredentialsRequest, policy_for
from tests.iam.granting import grants_with_limits, near, of_copies, of_credentials, of_session
from tests.iam.probes import probes, tried
from tests.iam.signed import ARNS, AT_AWS
from tests.iam.simulator import Policies, Simulator
from tests.support.factories import REQUESTER, make_snapshot


@settings(max_examples=150, phases=[Phase.explicit, Phase.generate])
@given(granted=grants_with_limits, data=st.data())
def test_a_session_may_do_what_the_grants_mean(
    simulator: Simulator, granted: list[Grant], data: st.DataObject
) -> None:
    snapshot = make_snapshot(*granted, buckets={"reports": AT_AWS})
    policy = snapshot.access(REQUESTER.identity).sessions[None].session_keys["reports"].policy
    meaning, asked = of_session(granted), tried(data.draw(probes(granted)))
    simulator.check(Policies(session=policy), [(each, meaning.allows(each)) for each in asked])


@settings(max_examples=150, phases=[Phase.explicit, Phase.generate])
@given(granted=grants_with_limits, data=st.data())
def test_a_session_that_copies_may_do_nothing_else(
    simulator: Simulator, granted: list[Grant], data: st.DataObject
) -> None:
    """It reads what may be downloaded, and writes a copy where may be uploaded."""
    snapshot = make_snapshot(*granted, buckets={"reports": AT_AWS})
    copying = snapshot.access(REQUESTER.identity).copying[Copying("reports")]
    meaning = of_copies(granted)
    assert bool(copying.sources) is (meaning is not None)
    if meaning is not None:
        asked = tried(data.draw(probes(granted)))
        policies = Policies(session=copying.key.policy)
        simulator.check(policies, [(each, meaning.allows(each)) for each in asked])


@settings(max_examples=150, phases=[Phase.explicit, Phase.generate])
@given(granted=grants_with_limits, permission=st.sampled_from(Permission), data=st.data())
def test_a_programs_session_may_do_what_the_grants_mean(
    simulator: Simulator, granted: list[Grant], permission: Permission, data: st.DataObject
) -> None:
    prefix = data.draw(st.just("") | near(granted).filter(lambda each: not {*"*?$\\"} & {*each}))
    request = CredentialsRequest(bucket="reports", prefix=prefix, permission=permission)
    policy = policy_for(granted, request, ARNS)
    meaning = of_credentials(granted, prefix, permission)
    assert (policy is not None) is bool(meaning.grants)
    if policy is not None:
        asked = tried(data.draw(probes(list(meaning.grants))))
        simulator.check(Policies(session=policy), [(each, meaning.allows(each)) for each in asked])
