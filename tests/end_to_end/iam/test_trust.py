"""Who gets a session of the signing role, and what the service's own identity may do."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.end_to_end.iam.deployed import (
    DENIED,
    EXTERNAL_ID,
    IDENTITY,
    TAGS,
    TRUST,
    WEB_TRUST,
    Deployment,
    Json,
    refusal,
    without,
)
from tests.end_to_end.iam.every_operation import refused_operations
from tests.end_to_end.operators import OF_NO_CALLER, unverified_token
from tests.support.service import run_service
from tests.support.stores import Store

FULL: Final = {
    "ExternalId": EXTERNAL_ID,
    "Tags": [{"Key": name, "Value": "x"} for name in TAGS],
    "SourceIdentity": "billing-08746297dcc3",
}


def test_the_service_gets_its_session(deployed: Deployment) -> None:
    assert refusal(lambda: deployed.assume(**FULL)) is None


NOT_ASKED_OF_THE_TRUST: Final = {
    "sts:SetSourceIdentity": "MiniStack knows no source identity",
}
NOT_ASKED_OF_THE_IDENTITY: Final = {
    "sts:TagSession": "MiniStack asks the role's trust alone",
    "sts:SetSourceIdentity": "MiniStack knows no source identity",
}


@pytest.mark.parametrize("statement", TRUST["Statement"], ids=lambda each: each["Sid"])
def test_each_trust_statement_is_needed_for_a_session(
    deployed: Deployment, statement: Json
) -> None:
    deployed.put_trust(without(TRUST, statement["Action"]))
    requested = statement["Action"] not in NOT_ASKED_OF_THE_TRUST
    assert (refusal(lambda: deployed.assume(**FULL)) in DENIED) is requested


@pytest.mark.parametrize("statement", IDENTITY["Statement"], ids=lambda each: each["Sid"])
def test_each_identity_statement_is_needed_for_a_session(
    deployed: Deployment, statement: Json
) -> None:
    deployed.put_identity(without(IDENTITY, statement["Action"]))
    requested = statement["Action"] not in NOT_ASKED_OF_THE_IDENTITY
    assert (refusal(lambda: deployed.assume(**FULL)) in DENIED) is requested


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"ExternalId": None}, id="no ExternalId"),
        pytest.param({"ExternalId": f"{EXTERNAL_ID}-2"}, id="another ExternalId"),
        pytest.param({"Tags": [{"Key": "team", "Value": "x"}]}, id="another tag"),
        pytest.param({"Tags": [*FULL["Tags"], {"Key": "team", "Value": "x"}]}, id="one more tag"),
    ],
)
def test_unlisted_tags_and_names_get_no_session(
    deployed: Deployment, request_: dict[str, Any]
) -> None:
    requested = {name: value for name, value in {**FULL, **request_}.items() if value is not None}
    assert refusal(lambda: deployed.assume(**requested)) in DENIED


def test_other_identities_get_no_session(deployed: Deployment) -> None:
    sts = deployed.client("sts", deployed.create_user(deployed.here(IDENTITY)))
    requested = {"RoleArn": deployed.store.role_arn, "RoleSessionName": "presign", **FULL}
    assert refusal(lambda: sts.assume_role(**requested)) in DENIED


def test_the_services_identity_may_do_nothing_else(deployed: Deployment, ministack: Store) -> None:
    deployed.store.put("x")
    s3, sts, iam = (
        deployed.client(each, deployed.store.credentials) for each in ("s3", "sts", "iam")
    )
    given = {"RoleName": deployed.name, "PolicyName": "x", "PolicyDocument": "{}"}
    for act in (
        lambda: s3.get_object(Bucket=deployed.store.bucket, Key="x"),
        lambda: s3.list_objects_v2(Bucket=deployed.store.bucket),
        lambda: sts.assume_role(RoleArn=ministack.role_arn, RoleSessionName="presign"),
        lambda: iam.put_role_policy(**given),
    ):
        assert refusal(act) in DENIED


# Web identity


def make_token(**claims: str) -> str:
    """A token of the cluster's issuer for the service's Pods."""
    provider = WEB_TRUST["Statement"][0]["Principal"]["Federated"].partition("/")[2]
    subject = "system:serviceaccount:presign:presign"
    ours = {"iss": f"https://{provider}", "aud": "sts.amazonaws.com", "sub": subject}
    return unverified_token(**ours | claims)


def test_with_the_pods_token_the_service_signs(deployed: Deployment, tmp_path: Path) -> None:
    deployed.put_trust(WEB_TRUST)
    token = tmp_path / "token"
    token.write_text(make_token())
    with run_service(
        deployed.store,
        tmp_path,
        credentials="web_identity",
        top={"server": {"web_identity_token_file": str(token)}},
        environment={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
    ) as running:
        assert refused_operations(running, deployed.store) == set()


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({}, id="none"),
        pytest.param({"aud": "presign"}, id="made for the service's callers"),
        pytest.param({"sub": "system:serviceaccount:presign:default"}, id="of another account"),
        pytest.param({"sub": "system:serviceaccount:other:presign"}, id="of another namespace"),
        pytest.param({"iss": "https://oidc.example.com"}, id="of another issuer"),
    ],
)
def test_only_the_pods_own_token_is_accepted(deployed: Deployment, claims: dict[str, str]) -> None:
    deployed.put_trust(WEB_TRUST)
    requested = {"RoleArn": deployed.store.role_arn, "RoleSessionName": "presign"}
    requested["WebIdentityToken"] = make_token(**claims)
    sts = deployed.client("sts", OF_NO_CALLER)
    code = refusal(lambda: sts.assume_role_with_web_identity(**requested))
    assert (code in DENIED) is bool(claims)
