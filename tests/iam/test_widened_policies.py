"""A policy that is changed by one word is noticed: these tests can fail."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from service.access.grants import Grant, Operation
from service.access.narrowing import Permission
from service.presigning.caller_access import Copying
from service.protocols.vended_credentials import CredentialsRequest, policy_for
from tests.access.policy_meaning import allowing
from tests.iam.granting import Meaning, of_copies, of_credentials, of_session
from tests.iam.probes import Probe, tried
from tests.iam.s3_requests import BUCKET_ARN
from tests.iam.signed import ARNS, AT_AWS
from tests.iam.simulator import EVERYTHING, Json, Policies, Simulator
from tests.support.factories import REQUESTER, make_snapshot

WRITES: Final = (Operation.UPLOAD, Operation.MULTIPART, Operation.CREDENTIALS)
GRANTS: Final[list[Grant]] = [
    replace(each, max_expires_in=900)
    for each in (
        allowing(*WRITES, Operation.DOWNLOAD, Operation.LIST, Operation.CREDENTIALS),
        replace(allowing(*WRITES, prefix="b/"), allow_overwrite=True),
    )
]
# In both prefixes, and beside them
PROBES: Final = [
    Probe(key="a/b", source="a/c", listed="a/b", age="960000"),
    Probe(key="b/b", source="b/c", listed="b/"),
    Probe(key="ab", source="a", listed="ab"),
    Probe(key="A/b", source="c", listed="A/"),
    Probe(key="a/b", source="A/b", listed="c"),
]


def check(simulator: Simulator, policies: Policies, meaning: Meaning) -> None:
    asked = [each for probe in PROBES for each in tried(probe)]
    simulator.check(policies, [(each, meaning.allows(each)) for each in asked])


def of_the_session() -> tuple[str, Meaning]:
    snapshot = make_snapshot(*GRANTS, buckets={"reports": AT_AWS})
    policy = snapshot.access(REQUESTER.identity).sessions[None].session_keys["reports"].policy
    assert policy is not None
    return policy, of_session(GRANTS)


def of_the_copies() -> tuple[str, Meaning]:
    grants = [
        replace(allowing(Operation.DOWNLOAD, Operation.UPLOAD), max_expires_in=900),
        replace(allowing(Operation.UPLOAD, prefix="b/"), max_expires_in=900, allow_overwrite=True),
    ]
    snapshot = make_snapshot(*grants, buckets={"reports": AT_AWS})
    policy, meaning = (
        snapshot.access(REQUESTER.identity).copying[Copying("reports")].key.policy,
        of_copies(grants),
    )
    assert policy is not None
    assert meaning is not None
    return policy, meaning


def of_the_credentials() -> tuple[str, Meaning]:
    policy = policy_for(GRANTS, CredentialsRequest(bucket="reports"), ARNS)
    assert policy is not None
    return policy, of_credentials(GRANTS, "", Permission.READWRITE)


def another(**statement: str) -> Callable[[str], str]:
    """Return what adds a statement."""

    def widened(policy: str) -> str:
        document = json.loads(policy)
        document["Statement"].append({"Effect": "Allow", **statement})
        return json.dumps(document)

    return widened


def without(words: str) -> Callable[[str], str]:
    """Return what removes the statements that have these words."""

    def changed(policy: str) -> str:
        document = json.loads(policy)
        kept = [each for each in document["Statement"] if words not in json.dumps(each)]
        return json.dumps({**document, "Statement": kept})

    return changed


def without_condition(words: str) -> Callable[[str], str]:
    def changed(policy: str) -> str:
        document = json.loads(policy)
        for each in document["Statement"]:
            if words in json.dumps(each.get("Condition")):
                del each["Condition"]
        return json.dumps(document)

    return changed


def instead(old: str, new: str) -> Callable[[str], str]:
    return lambda policy: policy.replace(old, new)


OBJECTS: Final = f"{BUCKET_ARN}/"
IN_BOTH: Final[Mapping[str, Callable[[str], str]]] = {
    "an object elsewhere": another(Action="s3:GetObject", Resource=f"{OBJECTS}*"),
    "another bucket": another(Action="s3:GetObject", Resource="arn:aws:s3:::*"),
    "another action": another(Action="s3:PutObjectAcl", Resource=f"{OBJECTS}a/*"),
    "a version": another(Action="s3:GetObjectVersion", Resource=f"{OBJECTS}a/*"),
    "a list of everything": another(Action="s3:ListBucket", Resource=BUCKET_ARN),
    "a list of versions": another(Action="s3:ListBucketVersions", Resource=BUCKET_ARN),
    "a key without S3": another(Action="kms:Decrypt", Resource="*"),
    "the neighbour": instead(f"{OBJECTS}a/*", f"{OBJECTS}a*"),
    "nothing of the neighbour": instead(f"{OBJECTS}a/*", f"{OBJECTS}A/*"),
    "the neighbour's list": instead('"a/*"', '"a*"'),
    "no pattern of a list": instead("StringLike", "StringEquals"),
    "no condition of a list": without_condition("s3:prefix"),
    "no condition of a key": without_condition("kms:ViaService"),
    "no age": without("s3:signatureAge"),
    "a shorter age": instead('"960000"', '"959999"'),
    "a longer age": instead('"960000"', '"960001"'),
    "overwriting": without("s3:if-none-match"),
    "overwriting everywhere": instead("NotResource", "Resource"),
    "no part": instead(',"Bool":{"s3:ObjectCreationOperation":"true"}', ""),
    "the opposite": instead('"s3:if-none-match":"true"', '"s3:if-none-match":"false"'),
}
OF_A_SESSION: Final[Mapping[str, Callable[[str], str]]] = {
    **IN_BOTH,
    "copies": without("s3:x-amz-copy-source"),
    "copies alone": instead('"s3:x-amz-copy-source":"false"', '"s3:x-amz-copy-source":"true"'),
    "no uploads": without_condition("s3:x-amz-copy-source"),
    "the tags of an object": another(Action="s3:GetObjectTagging", Resource=f"{OBJECTS}a/*"),
}
_OF_LISTS: Final = ("no pattern of a list", "no condition of a list", "the neighbour's list")
OF_COPIES: Final[Mapping[str, Callable[[str], str]]] = {
    **{name: change for name, change in IN_BOTH.items() if name not in _OF_LISTS},
    "uploads": without("s3:x-amz-copy-source"),
    "uploads alone": instead('"s3:x-amz-copy-source":"true"', '"s3:x-amz-copy-source":"false"'),
    "no copies": without_condition("s3:x-amz-copy-source"),
    "a deletion": another(Action="s3:DeleteObject", Resource=f"{OBJECTS}a/*"),
    "an abort": another(Action="s3:AbortMultipartUpload", Resource=f"{OBJECTS}a/*"),
    "a copy of another source": another(Action="s3:GetObject", Resource=f"{OBJECTS}b/*"),
    "a copy to elsewhere": another(Action="s3:PutObject", Resource=f"{OBJECTS}A/*"),
    "no tags": instead(',"s3:GetObjectTagging"', ""),
}


@pytest.mark.parametrize("made", [of_the_session, of_the_copies, of_the_credentials])
def test_the_policy_itself_passes(
    simulator: Simulator, made: Callable[[], tuple[str, Meaning]]
) -> None:
    policy, meaning = made()
    check(simulator, Policies(session=policy), meaning)
    assert "s3:if-none-match" in policy


@pytest.mark.parametrize("name", OF_A_SESSION)
def test_each_change_of_a_session_policy_is_noticed(simulator: Simulator, name: str) -> None:
    assert_noticed(simulator, *of_the_session(), OF_A_SESSION[name])


@pytest.mark.parametrize("name", OF_COPIES)
def test_each_change_of_a_copying_policy_is_noticed(simulator: Simulator, name: str) -> None:
    assert_noticed(simulator, *of_the_copies(), OF_COPIES[name])


@pytest.mark.parametrize("name", IN_BOTH)
def test_each_change_of_a_programs_policy_is_noticed(simulator: Simulator, name: str) -> None:
    assert_noticed(simulator, *of_the_credentials(), IN_BOTH[name])


def test_a_session_without_a_policy_is_noticed(simulator: Simulator) -> None:
    with pytest.raises(pytest.fail.Exception):
        check(simulator, Policies(identity=[EVERYTHING]), of_the_session()[1])


def assert_noticed(
    simulator: Simulator, policy: str, meaning: Meaning, change: Callable[[str], str]
) -> None:
    changed = change(policy)
    assert _parsed(changed) != _parsed(policy)
    with pytest.raises(pytest.fail.Exception):
        check(simulator, Policies(session=changed), meaning)


def _parsed(policy: str) -> Json:
    document: dict[str, Any] = json.loads(policy)
    return document
