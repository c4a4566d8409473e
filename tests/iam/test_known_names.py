"""Each action and condition key in our policies is one that AWS has, where we use it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from service.access.copy_policy import copy_policy
from service.access.grants import Operation
from service.access.session_policy import deny_all, session_policy
from service.operations.revoke.policy import merged
from service.protocols.vended_credentials import CredentialsRequest, policy_for
from tests.access.policy_meaning import allowing
from tests.deploy.iam.files import HERE, read, several
from tests.iam.s3_requests import BUCKET, BUCKET_ARN, KMS_KEY
from tests.iam.signed import ARNS
from tests.iam.simulator import ROLE, Json, Simulator
from tests.operations.setup.configurations import OF_A_STORE, OF_AWS, document
from tests.operations.test_revoke_policy import target

ALL: Final = [allowing(*Operation), allowing(Operation.UPLOAD, prefix="b/")]
# An action of each service, on a resource of ours, whose keys the wildcards of a denial have too
EXAMPLES: Final = {
    "s3": [
        *(f"s3:{name}" for name in ("GetObject", "PutObject", "DeleteObjectVersion")),
        *(f"s3:{name}" for name in ("ListBucket", "ListBucketVersions", "AbortMultipartUpload")),
    ],
    "*": ["s3:GetObject", "kms:Decrypt", "sts:AssumeRole"],
}


def sessions() -> Iterator[tuple[str, Json]]:
    asked = CredentialsRequest(bucket="reports")
    yield "a session", json.loads(session_policy(ALL, ARNS, max_age=960_000))
    copies = copy_policy(ALL, ARNS, max_age=960_000)
    assert copies is not None
    yield "a session that copies", json.loads(copies.policy)
    yield "credentials", json.loads(policy_for(ALL, asked, ARNS) or "")
    yield "a bucket's own session", json.loads(deny_all(ARNS))


def made() -> Iterator[tuple[str, str, Json]]:
    """Yield the name of each policy, its kind, and the policy."""
    yield from ((name, "Session", policy) for name, policy in sessions())
    yield "a revocation", "Identity", merged(None, target().userids, 0)
    alias = {"algorithm": "aws:kms", "kms_key_id": "alias/reports"}
    configured = {
        "reports": {**OF_AWS, "bucket": BUCKET},
        "aliased": {**OF_AWS, "bucket": "photos", "encryption": alias},
        "stored": OF_A_STORE,
    }
    printed = document(configured, networks=("192.0.2.0/24",), vpcs=("vpc-0123456789abcdef0",))
    [role] = printed["roles"]
    yield "the role", "Identity", role["policies"]["sign"]
    yield "the role's trust", "Trust", role["trust_policy"]
    [identity] = printed["service_identity"]["policies"].values()
    yield "the service", "Identity", identity
    yield "a store's user", "Identity", printed["users"][0]["policies"]["sign"]
    yield "the bucket", "Resource", printed["buckets"][0]["policy"]


def of_files() -> Iterator[tuple[str, str, Json]]:
    kinds: Mapping[str, str] = {"bucket-policy.json": "Resource", "trust-assume-role.json": "Trust"}
    for path in sorted(HERE.glob("*.json")):
        if path.name not in {"cors.json", "lifecycle.json", "trust-web-identity.json"}:
            yield path.name, kinds.get(path.name, "Identity"), read(path.name)


POLICIES: Final = {name: (kind, policy) for name, kind, policy in (*made(), *of_files())}


@pytest.mark.parametrize("name", POLICIES)
def test_each_policy_is_valid(simulator: Simulator, name: str) -> None:
    kind, policy = POLICIES[name]
    assert simulator.problems(kind, policy) == []


@pytest.mark.parametrize("name", POLICIES)
def test_aws_has_each_action_and_key(simulator: Simulator, name: str) -> None:
    _, policy = POLICIES[name]
    for statement in policy["Statement"]:
        for action in several(statement["Action"]):
            for known in actions_of(simulator, action):
                has = {
                    key.partition("/")[0]
                    for key in simulator.context_keys(known, resource_of(known))
                }
                assert keys_of(statement) <= has, f"{known} has no {keys_of(statement) - has}"


def actions_of(simulator: Simulator, action: str) -> list[str]:
    """Return the action as AWS spells it, or examples of those that a wildcard denies."""
    if action in {"*", "s3:*"}:
        return EXAMPLES[action.removesuffix(":*")]
    service, _, name = action.partition(":")
    assert name in simulator.actions(service), f"{service} has no action {name}"
    return [action]


def keys_of(statement: Mapping[str, Any]) -> set[str]:
    conditions = statement.get("Condition", {}).values()
    return {key.lower().partition("/")[0] for each in conditions for key in each}


def resource_of(action: str) -> str:
    match action.partition(":"):
        case "kms", _, _:
            return KMS_KEY
        case "sts" | "iam", _, _:
            return ROLE
        case _, _, name:
            return BUCKET_ARN if name.startswith("ListBucket") else f"{BUCKET_ARN}/a"
    raise AssertionError(action)


def test_an_unknown_name_is_noticed(simulator: Simulator) -> None:
    with pytest.raises(AssertionError, match="no action GetObjects"):
        actions_of(simulator, "s3:GetObjects")
    assert "s3:if-none-match" not in simulator.context_keys("s3:GetObject", f"{BUCKET_ARN}/a")
    assert simulator.problems(
        "Identity", {"Version": "2012-10-17", "Statement": {"Effect": "allow"}}
    )


def test_the_list_is_from_after_conditional_writes(simulator: Simulator) -> None:
    """The keys that no other tool of the tests knows."""
    keys = simulator.context_keys("s3:PutObject", f"{BUCKET_ARN}/a")
    assert {"s3:if-none-match", "s3:objectcreationoperation"} <= keys
