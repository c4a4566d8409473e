"""The user of a store other than AWS has the permissions of the service.

The example is of one caller, so it copies what that caller may read.
"""

import json
from typing import Any, Final

import pytest

from service.access.bucket_arns import bucket_arns
from service.access.copy_policy import copy_policy
from service.access.grants import Grant, Operation
from service.access.session_policy import session_policy
from tests.access import policy_evaluator
from tests.access.policy_meaning import BUCKET_ACTIONS, LISTINGS, OBJECT_ACTIONS
from tests.deploy.iam.files import BUCKET, read

ARNS: Final = bucket_arns("acme-reports-prod", partition="aws")
EVERYTHING: Final = Grant(bucket="reports", prefix="", allow=frozenset(Operation))
COPYING: Final = copy_policy([EVERYTHING], ARNS)
assert COPYING is not None
SESSION_POLICIES: Final = (session_policy([EVERYTHING], ARNS), COPYING.policy)
COPIES: Final = {"s3:x-amz-copy-source": "acme-reports-prod/b"}
FOREIGN: Final = {"s3:x-amz-copy-source": "acme-invoices/b"}


def without_sids(policy: dict[str, Any]) -> str:
    for statement in policy["Statement"]:
        del statement["Sid"]
    return json.dumps(policy)


USER_POLICY: Final = without_sids(read("store-user.json"))


@pytest.mark.parametrize("context", [{}, COPIES, FOREIGN])
@pytest.mark.parametrize("action", [*OBJECT_ACTIONS, *BUCKET_ACTIONS, *LISTINGS])
def test_the_user_may_do_what_all_grants_allow(action: str, context: dict[str, str]) -> None:
    others = (f"{BUCKET}-2", f"{BUCKET}-2/a", "arn:aws:s3:::o/a")
    for resource in (BUCKET, f"{BUCKET}/a/b.pdf", *others):
        by_sessions = [
            policy_evaluator.allows(each, action, resource, context) for each in SESSION_POLICIES
        ]
        is_foreign = context == FOREIGN and action == "s3:PutObject"  # no session reads the source
        allowed = any(by_sessions) and not is_foreign
        assert policy_evaluator.allows(USER_POLICY, action, resource, context) is allowed


def test_the_user_uploads_but_copies_from_no_other_bucket() -> None:
    upload = (USER_POLICY, "s3:PutObject", f"{BUCKET}/a")
    assert policy_evaluator.allows(*upload)
    assert policy_evaluator.allows(*upload, holds=policy_evaluator.holds_at_ceph_squid)
    assert policy_evaluator.allows(*upload, COPIES)
    assert not policy_evaluator.allows(*upload, FOREIGN)
