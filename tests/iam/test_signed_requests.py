"""AWS accepts whatever the service signs: no policy is narrower than the signatures."""

import asyncio

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.access.grants import Grant
from tests.iam.granting import grants_with_limits, near
from tests.iam.s3_requests import iam_requests
from tests.iam.signed import everything_signed
from tests.iam.simulator import Policies, Simulator
from tests.support.virtual_time import VirtualTimeLoop


@settings(max_examples=100, phases=[Phase.explicit, Phase.generate])
@given(granted=grants_with_limits, data=st.data())
def test_aws_accepts_whatever_is_signed(
    simulator: Simulator, granted: list[Grant], data: st.DataObject
) -> None:
    key, source = data.draw(near(granted)), data.draw(near(granted))
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        signed = runner.run(everything_signed(granted, key, source))
    for policy, sent in signed.by_policy().items():
        needed = [each for one in sent for each in iam_requests(one)]
        simulator.check(Policies(session=policy), [(each, True) for each in needed])
