"""Where the simulator differs from AWS. Each test fails once it does not any more: then remove it,
and the exception that it explains.
"""

from typing import Final

import pytest

from service.access.grants import Operation
from service.access.session_policy import session_policy
from tests.access.policy_meaning import allowing
from tests.deploy.iam.files import read
from tests.deploy.iam.test_trust import ISSUER, PODS
from tests.iam.s3_requests import BUCKET_ARN
from tests.iam.signed import ARNS
from tests.iam.simulator import ACCOUNT, ROLE, IamRequest, Policies, Simulator

PROVIDER: Final = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"


def test_a_star_in_a_key_is_taken_for_a_pattern(simulator: Simulator) -> None:
    """S3 has keys with a star, and IAM takes them literally. So `probes.py` has none of them."""
    policy = session_policy([allowing(Operation.DOWNLOAD, prefix="a/b")], ARNS)
    asked = IamRequest(action="s3:GetObject", resource=f"{BUCKET_ARN}/a/*")
    assert simulator.allows(Policies(session=policy), asked)


def test_the_keys_of_eks_are_unknown(simulator: Simulator) -> None:
    """The issuer of a cluster is in the name of the key, and AWS's lists have no such keys. So our
    own evaluator alone covers trust-web-identity.json: tests/deploy/iam/test_trust.py.
    """
    known = simulator.context_keys("sts:AssumeRoleWithWebIdentity", ROLE)
    assert not {key.lower() for key in PODS.keys} & known
    assert simulator.problems("Trust", read("trust-web-identity.json")) == []
    request = IamRequest(action=PODS.action, resource=ROLE, principal=PROVIDER, context=PODS.keys)
    with pytest.raises(AssertionError, match=f"AssumeRoleWithWebIdentity has no .*{ISSUER}"):
        simulator.allows(Policies(resource=read("trust-web-identity.json")), request)
