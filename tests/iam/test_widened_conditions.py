"""A condition that is changed by one word is noticed: `test_conditions.py` can fail."""

import json
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from service.access.grants import Conditions, Operation
from service.protocols.vended_credentials import CredentialsRequest, policy_for
from tests.iam.conditional import (
    ARNS,
    BUCKET,
    ENDPOINT,
    FROM,
    NETWORKS,
    SCAN,
    TAGS,
    of_each_session,
    of_program,
    sent,
    uploads_with_tags,
)
from tests.iam.probes import Probe, tried
from tests.iam.simulator import IamRequest, Policies, Simulator
from tests.iam.test_widened_policies import instead, without, without_condition
from tests.support.factories import REQUESTER, make_grant, make_snapshot

PLACED: Final = make_grant(
    prefix="a/",
    allow=frozenset({Operation.DOWNLOAD, Operation.UPLOAD, Operation.LIST, Operation.CREDENTIALS}),
    conditions=Conditions(networks=NETWORKS, vpc_endpoints=(ENDPOINT,)),
)
SCANNED: Final = make_grant(
    prefix="a/",
    allow=frozenset({Operation.DOWNLOAD, Operation.CREDENTIALS}),
    conditions=Conditions(only_if_tagged=(SCAN, ("Second name", "ok"))),
)
GRANTS: Final = [PLACED, SCANNED]
PROBE: Final = Probe(key="a/b", source="a/c", listed="a/b")
Change = Callable[[str], str]


def asked(*, with_tags: bool) -> list[IamRequest]:
    more = uploads_with_tags(PROBE.key) if with_tags else ()
    once = [*tried(PROBE), *more]
    return [each for place in FROM for tags in TAGS for each in sent(once, place, tags)]


def check(simulator: Simulator, which: int, change: Change) -> None:
    """Check the session of one of the grants."""
    access = make_snapshot(*GRANTS, buckets={"reports": BUCKET}).access(REQUESTER.identity)
    conditions = GRANTS[which].conditions
    [meaning] = [each for each in of_each_session(GRANTS) if each.conditions == conditions]
    policy = access.sessions[conditions].session_keys["reports"].policy
    assert policy is not None
    requests = asked(with_tags=True)
    session = Policies(session=change(policy))
    simulator.check(session, [(each, meaning.allows(each)) for each in requests])


def check_program(simulator: Simulator, change: Change) -> None:
    policy, meaning = (
        policy_for(GRANTS, CredentialsRequest(bucket="reports"), ARNS),
        of_program(GRANTS),
    )
    assert policy is not None
    requests = asked(with_tags=False)
    session = Policies(session=change(policy))
    simulator.check(session, [(each, meaning.allows(each)) for each in requests])


def in_a_deny(policy: str) -> str:
    """Write the network as a denial of all others, which a grant without a condition cannot undo."""
    document = json.loads(policy)
    document["Statement"] = [
        *(each for each in document["Statement"] if "SourceVpce" not in json.dumps(each)),
        {
            "Effect": "Deny",
            "Action": "s3:*",
            "Resource": "*",
            "Condition": {"NotIpAddress": {"aws:SourceIp": [*NETWORKS]}},
        },
    ]
    return json.dumps(document)


OF_PLACES: Final[Mapping[str, Change]] = {
    "no network": without_condition("aws:SourceIp"),
    "no endpoint": without_condition("aws:SourceVpce"),
    "only the network": without("aws:SourceVpce"),
    "only the endpoint": without("aws:SourceIp"),
    "a wider network": instead("203.0.113.0/24", "192.0.0.0/2"),
    "a narrower network": instead("203.0.113.0/24", "203.0.113.128/25"),
    "another IPv6 network": instead("2001:db8::/32", "2001:db9::/32"),
    "any endpoint": instead(f'"StringEquals":{{"aws:SourceVpce":"{ENDPOINT}"}}',
                            '"StringLike":{"aws:SourceVpce":"vpce-*"}'),
    "the opposite": instead("IpAddress", "NotIpAddress"),
    "both at once": instead('"aws:SourceIp":["2001:db8::/32","203.0.113.0/24"]}',
                            f'"aws:SourceIp":["2001:db8::/32","203.0.113.0/24"]}},'
                            f'"StringEquals":{{"aws:SourceVpce":"{ENDPOINT}"}}'),
    "a denial": in_a_deny,
}  # fmt: skip
OF_TAGS: Final[Mapping[str, Change]] = {
    "no tag": without_condition("ExistingObjectTag"),
    "one of two": instead(',"s3:ExistingObjectTag/Second name":"ok"', ""),
    "another value": instead('/Scan":"ok"', '/Scan":"no"'),
    "another name": instead("ExistingObjectTag/Scan", "ExistingObjectTag/other"),
    "unless it is there": instead('StringEquals":{"s3:Ex', 'StringEqualsIfExists":{"s3:Ex'),
    "any value": instead('"StringEquals":{"s3:ExistingObjectTag/Scan":"ok"',
                         '"StringLike":{"s3:ExistingObjectTag/Scan":"*"'),
}  # fmt: skip
OF_UPLOADS: Final[Mapping[str, Change]] = {
    "a tag that is read by": without("RequestObjectTag/Scan"),
    "the second tag": without("RequestObjectTag/Second name"),
    "one value alone": instead('RequestObjectTag/Scan":"*"', 'RequestObjectTag/Scan":"no"'),
    "another tag": instead("RequestObjectTag/Scan", "RequestObjectTag/other"),
}


def test_the_policies_themselves_pass(simulator: Simulator) -> None:
    for which in range(len(GRANTS)):
        check(simulator, which, lambda policy: policy)
    check_program(simulator, lambda policy: policy)


@pytest.mark.parametrize("name", [*OF_PLACES, *OF_UPLOADS])
def test_each_change_of_a_place_is_noticed(simulator: Simulator, name: str) -> None:
    with pytest.raises(pytest.fail.Exception):
        check(simulator, 0, {**OF_PLACES, **OF_UPLOADS}[name])


@pytest.mark.parametrize("name", OF_TAGS)
def test_each_change_of_a_tag_is_noticed(simulator: Simulator, name: str) -> None:
    with pytest.raises(pytest.fail.Exception):
        check(simulator, 1, OF_TAGS[name])


@pytest.mark.parametrize("name", [*OF_PLACES, *OF_TAGS])
def test_each_change_of_a_programs_conditions_is_noticed(simulator: Simulator, name: str) -> None:
    with pytest.raises(pytest.fail.Exception):
        check_program(simulator, {**OF_PLACES, **OF_TAGS}[name])
