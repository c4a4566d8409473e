"""The guard rails: what they deny, and that they deny nothing that the service signs."""

from dataclasses import replace
from typing import Final

import pytest

from service.access.grants import Operation
from service.sessions.signature_age import longest_life, oldest
from tests.deploy.iam.files import BUCKET, ROLE, Request, decision, read
from tests.support.factories import make_grant

POLICY: Final = read("bucket-policy.json")
SIGNED: Final = Request(
    action="s3:GetObject",
    resource=f"{BUCKET}/a/b.pdf",
    keys={
        "aws:SecureTransport": "true",
        "aws:PrincipalArn": ROLE,
        "aws:SourceIp": "203.0.113.7",
        "s3:signatureversion": "AWS4-HMAC-SHA256",
        "s3:signatureAge": "900000",
        "s3:authType": "REST-QUERY-STRING",
    },
)
BY_VPC: Final = SIGNED.having(aws_SourceIp=None, aws_SourceVpc="vpc-0123456789abcdef0")
OTHERS: Final = {
    "somebody else of the account": "arn:aws:iam::111122223333:role/analyst",
    "a role whose name begins alike": f"{ROLE}-2",
    "nobody: an object that all may read": None,
}
VALID: Final = {
    "a download": SIGNED,
    "a form": SIGNED.having(s3_authType="POST"),
    "as old as it may be": SIGNED.having(s3_signatureAge="960000"),
    "from the other network": SIGNED.having(aws_SourceIp="192.0.2.1"),
    "from the service's own": BY_VPC,
}
UNKNOWN: Final = {
    "from nowhere that is known": SIGNED.having(aws_SourceIp=None),
    "from another VPC": BY_VPC.having(aws_SourceVpc="vpc-0f"),
    "SigV4A": SIGNED.having(s3_signatureversion="AWS4-ECDSA-P256-SHA256"),
    "no signature that is known": SIGNED.having(s3_signatureversion=None),
}


@pytest.mark.parametrize("name", VALID)
def test_valid_signed_requests_are_not_denied(name: str) -> None:
    assert decision(POLICY, VALID[name]) is None


@pytest.mark.parametrize("name", UNKNOWN)
def test_requests_of_unknown_origin_are_denied(name: str) -> None:
    assert decision(POLICY, UNKNOWN[name]) == "Deny"


BROKEN: Final = {
    "OnlyOverTls": SIGNED.having(aws_SecureTransport="false"),
    "OnlySignatureVersion4": SIGNED.having(s3_signatureversion="AWS", s3_signatureAge="0"),
    "NoOlderSignatures": SIGNED.having(s3_signatureAge="960001"),
    "OnlyFromOurNetworks": SIGNED.having(aws_SourceIp="198.51.100.1"),
}


@pytest.mark.parametrize("sid", [each["Sid"] for each in POLICY["Statement"]])
def test_each_guard_rail_denies_its_own_case(sid: str) -> None:
    rest = [each for each in POLICY["Statement"] if each["Sid"] != sid]
    for resource in (BUCKET, f"{BUCKET}/a"):
        broken = replace(BROKEN[sid], action="s3:PutObject", resource=resource)
        assert decision(POLICY, broken) == "Deny"
        assert decision({**POLICY, "Statement": rest}, broken) is None


@pytest.mark.parametrize("who", OTHERS)
def test_other_principals_only_need_tls(who: str) -> None:
    theirs = Request(
        action="s3:GetObject",
        resource=f"{BUCKET}/a",
        keys={"aws:SecureTransport": "true", "aws:SourceIp": "198.51.100.1"},
    ).having(aws_PrincipalArn=OTHERS[who])
    assert decision(POLICY, theirs) is None
    assert decision(POLICY, theirs.having(aws_SecureTransport="false")) == "Deny"


def test_it_allows_nothing() -> None:
    assert {each["Effect"] for each in POLICY["Statement"]} == {"Deny"}


def test_the_age_fits_grants_of_900_seconds() -> None:
    [rail] = [each for each in POLICY["Statement"] if each["Sid"] == "NoOlderSignatures"]
    life = longest_life([make_grant(allow=frozenset(Operation), max_expires_in=900)], 3600)
    assert life is not None
    assert rail["Condition"]["NumericGreaterThan"] == {"s3:signatureAge": str(oldest(life))}
