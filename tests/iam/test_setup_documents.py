"""What `presign iam` prints allows what the service signs, and nothing that no caller needs."""

import asyncio
from dataclasses import replace
from typing import Final

import pytest

from service.access.grants import Operation
from service.sessions.source import Owner
from tests.access.policy_meaning import allowing
from tests.deploy.iam.files import Request, read, several
from tests.deploy.iam.test_bucket_policy import BROKEN, OTHERS, SIGNED, UNKNOWN, VALID
from tests.deploy.iam.test_trust import asks, requests
from tests.iam.granting import of_session
from tests.iam.probes import Probe, tried
from tests.iam.s3_requests import BUCKET, KMS_KEY, iam_requests, kms_request
from tests.iam.signed import everything_signed
from tests.iam.simulator import EVERYTHING, ROLE, IamRequest, Json, Policies, Simulator
from tests.operations.setup.configurations import OF_AWS, document
from tests.operations.setup.test_terraform import parsed
from tests.support.virtual_time import VirtualTimeLoop

SERVICE: Final = "arn:aws:iam::111122223333:role/presign-service"
CONFIGURED: Final[Json] = {**OF_AWS, "bucket": BUCKET}
AROUND: Final[Json] = {"networks": ("203.0.113.0/24",), "vpcs": ("vpc-0123456789abcdef0",)}
TRUSTED: Final[list[Owner]] = [None, (None, "billing"), ("https://id.example.com", "a" * 80)]


class Printed:
    """The policies of one document, as JSON or as Terraform."""

    def __init__(self, made: Json, form: str) -> None:
        if form == "JSON":
            [role], [bucket] = made["roles"], made["buckets"]
            self.role, self.trust = role["policies"]["sign"], role["trust_policy"]
            self.bucket = bucket["policy"]
            [self.service] = made["service_identity"]["policies"].values()
        else:
            found = [*parsed(made).values()]
            [self.trust] = [e["assume_role_policy"] for e in found if "assume_role_policy" in e]
            [self.bucket] = [e["policy"] for e in found if {"bucket", "policy"} <= e.keys()]
            [self.role] = [e["policy"] for e in found if e.get("name") == "sign"]
            [self.service] = [e["policy"] for e in found if e.get("role") == "presign-service"]


@pytest.fixture(scope="module", name="printed", params=["JSON", "Terraform"])
def _printed(request: pytest.FixtureRequest) -> Printed:
    made = document({"reports": CONFIGURED}, allow=frozenset(Operation), **AROUND)
    return Printed(made, request.param)


# The role and the bucket


def test_aws_accepts_what_is_signed_behind_all_policies(
    simulator: Simulator, printed: Printed
) -> None:
    """The session's, the role's and the bucket's: of a caller that may do everything."""
    grant = replace(allowing(*Operation, prefix=""), max_expires_in=900, allow_overwrite=True)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        signed = runner.run(everything_signed([grant], "a/b", "a/c"))
    assert signed.refused == []
    signed_actions = set[str]()
    for policy, sent in signed.by_policy().items():
        needed = [each for one in sent for each in iam_requests(one)]
        policies = Policies(session=policy, identity=[printed.role], resource=printed.bucket)
        simulator.check(policies, [(each, True) for each in needed])
        signed_actions |= {each.action for each in needed}
    allowed = {a for each in printed.role["Statement"] for a in several(each["Action"])}
    assert signed_actions == allowed - {"s3:*"}


PROBES: Final = [
    Probe(key="a/b", source="c", listed=listed, of_kms=of_kms)
    for listed, of_kms in (("a/", "kms:Decrypt"), ("", "kms:GenerateDataKey"), ("b", "kms:Encrypt"))
]


@pytest.mark.parametrize("operation", Operation)
def test_the_role_allows_what_its_operations_need(
    simulator: Simulator, operation: Operation
) -> None:
    """Behind no session policy, as if a caller's had a mistake."""
    allow = frozenset({operation, Operation.VERSIONS})
    made = document({"reports": CONFIGURED}, allow=allow, **AROUND)
    grant = replace(allowing(*allow, prefix=""), allow_overwrite=True)
    meaning = replace(of_session([grant]), max_age=None, copies="any")
    asked = [each for probe in PROBES for each in tried(probe)]
    printed = Printed(made, "JSON")
    simulator.check(
        Policies(identity=[printed.role]), [(each, meaning.allows(each)) for each in asked]
    )


def test_the_role_reaches_no_bucket_of_another_account(
    simulator: Simulator, printed: Printed
) -> None:
    probe = Probe(key="a", source="a", listed="")
    asked = [each for each in tried(probe) if each.action.startswith("s3:")]
    for account in ("444455556666", None):
        elsewhere = [each.having(aws_ResourceAccount=account) for each in asked]
        simulator.check(Policies(identity=[printed.role]), [(each, False) for each in elsewhere])


@pytest.mark.parametrize(
    ("kms_key_id", "key", "aliases", "allowed"),
    [
        (KMS_KEY, KMS_KEY, [], True),
        (KMS_KEY, f"{KMS_KEY[:-1]}c", [], False),
        ("alias/reports", KMS_KEY, ["alias/other", "alias/reports"], True),
        ("alias/reports", KMS_KEY, ["alias/reports2"], False),
        ("alias/reports", KMS_KEY, [], False),
        ("alias/reports", KMS_KEY.replace("eu-west-1", "eu-west-2"), ["alias/reports"], False),
    ],
)
def test_the_role_uses_only_the_configured_key(
    simulator: Simulator, kms_key_id: str, key: str, aliases: list[str], *, allowed: bool
) -> None:
    encryption = {"algorithm": "aws:kms", "kms_key_id": kms_key_id}
    made = document({"reports": {**CONFIGURED, "encryption": encryption}})
    role = Printed(made, "JSON").role
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        asked = replace(kms_request(action), resource=key)
        asked = asked.having(kms_ResourceAliases=aliases or None)
        simulator.check(Policies(identity=[role]), [(asked, allowed)])


def test_without_a_key_the_role_may_not_use_kms(simulator: Simulator) -> None:
    """AWS's own key for S3 needs no permission of the role: its policy allows it."""
    made = document({"reports": {**CONFIGURED, "encryption": {"algorithm": "AES256"}}})
    role = Printed(made, "JSON").role
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert not simulator.allows(Policies(identity=[role]), kms_request(action))


def as_iam_request(request: Request) -> IamRequest:
    return IamRequest(action=request.action, resource=request.resource, context=request.keys)


RAILS: Final = read("bucket-policy.json")
ELSEWHERE: Final = SIGNED.having(aws_SourceIp="198.51.100.1")
PLAIN: Final = ELSEWHERE.having(aws_SecureTransport="false")
NOT_DENIED: Final = {
    **VALID,
    **{who: ELSEWHERE.having(aws_PrincipalArn=arn) for who, arn in OTHERS.items()},
}
DENIED: Final = {
    **UNKNOWN,
    **BROKEN,
    **{f"{who}, no TLS": PLAIN.having(aws_PrincipalArn=arn) for who, arn in OTHERS.items()},
}


@pytest.mark.parametrize("name", [*NOT_DENIED, *DENIED])
def test_the_guard_rails_deny_exactly_what_they_are_for(simulator: Simulator, name: str) -> None:
    """The examples that are evaluated by our own rules too."""
    request = as_iam_request({**NOT_DENIED, **DENIED}[name])
    policies = Policies(identity=[EVERYTHING], resource=RAILS)
    simulator.check(policies, [(request, name in NOT_DENIED)])


# Who may assume the role


def of_sts(owner: Owner, *, vended: bool = False) -> list[IamRequest]:
    """Return what AWS authorizes when the service asks for a session."""
    return [
        IamRequest(action=action, resource=ROLE, context=each.keys, principal=SERVICE)
        for action, each in requests(asks(owner, vended=vended)).items()
    ]


@pytest.mark.parametrize("vended", [False, True])
@pytest.mark.parametrize("owner", TRUSTED)
def test_the_service_gets_a_session_of_each_caller(
    simulator: Simulator, printed: Printed, owner: Owner, *, vended: bool
) -> None:
    policies = Policies(identity=[printed.service], resource=printed.trust)
    simulator.check(policies, [(each, True) for each in of_sts(owner, vended=vended)])


ASSUME, TAG, NAME = of_sts((None, "billing"))
UNTRUSTED: Final = {
    "no ExternalId": ASSUME.having(sts_ExternalId=None),
    "another ExternalId": ASSUME.having(sts_ExternalId="presign"),
    "another tag": TAG.having(aws_TagKeys=["presign-subject", "team"]),
    "a name that is no session's": NAME.having(sts_SourceIdentity="admin"),
    "no name": NAME.having(sts_SourceIdentity=None),
    "another principal": replace(ASSUME, principal=f"{SERVICE}-2"),
    "another principal's tags": replace(TAG, principal=f"{SERVICE}-2"),
    "the role itself": replace(ASSUME, principal=ROLE),
}


@pytest.mark.parametrize("name", UNTRUSTED)
def test_the_role_trusts_nothing_else(simulator: Simulator, printed: Printed, name: str) -> None:
    policies = Policies(identity=[EVERYTHING], resource=printed.trust)
    assert not simulator.allows(policies, UNTRUSTED[name])


@pytest.mark.parametrize("asked", [ASSUME, TAG, NAME], ids=lambda each: each.action)
def test_the_service_may_assume_only_the_role(
    simulator: Simulator, printed: Printed, asked: IamRequest
) -> None:
    policies = Policies(identity=[printed.service])
    simulator.check(policies, [(asked, True), (replace(asked, resource=f"{ROLE}-2"), False)])
