"""The guard rails: what they deny, and that they deny nothing that the service signs."""

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


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(SIGNED, id="a download"),
        pytest.param(SIGNED.having(s3_authType="POST"), id="a form"),
        pytest.param(SIGNED.having(s3_signatureAge="960000"), id="as old as it may be"),
        pytest.param(SIGNED.having(aws_SourceIp="192.0.2.1"), id="from the other network"),
        pytest.param(BY_VPC, id="from the service's own"),
    ],
)
def test_valid_signed_requests_are_not_denied(request_: Request) -> None:
    assert decision(POLICY, request_) is None


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
        broken = Request(action="s3:PutObject", resource=resource, keys=BROKEN[sid].keys)
        assert decision(POLICY, broken) == "Deny"
        assert decision({**POLICY, "Statement": rest}, broken) is None


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(SIGNED.having(aws_SourceIp=None), id="from nowhere that is known"),
        pytest.param(BY_VPC.having(aws_SourceVpc="vpc-0f"), id="from another VPC"),
        pytest.param(SIGNED.having(s3_signatureversion="AWS4-ECDSA-P256-SHA256"), id="SigV4A"),
        pytest.param(SIGNED.having(s3_signatureversion=None), id="no signature that is known"),
    ],
)
def test_requests_of_unknown_origin_are_denied(request_: Request) -> None:
    assert decision(POLICY, request_) == "Deny"


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
