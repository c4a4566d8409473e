"""The signing role trusts exactly the service's requests to STS."""

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from service.clock import SystemClock
from service.sessions.source import Owner, Role, SessionRefused
from service.sessions.sts import AssumedRole
from tests.deploy.iam.files import ROLE, ROOT, SERVICE, Request, allows, read, several

TRUST: Final = read("trust-assume-role.json")
WEB_TRUST: Final = read("trust-web-identity.json")
IDENTITY: Final = read("service-identity.json")
EXTERNAL_ID: Final = "presign-acme-reports"
TAGS: Final = {"presign-issuer": "{issuer}", "presign-subject": "{subject}"}
owners = st.none() | st.tuples(st.none() | st.text(max_size=20), st.text(min_size=1, max_size=80))


def asks(owner: Owner, *, vended: bool = False) -> dict[str, Any]:
    """Return the STS request for a session of this caller."""
    role = Role(
        arn=ROLE,
        region="eu-west-1",
        session_seconds=3600,
        external_id=EXTERNAL_ID,
        session_tags=tuple(TAGS.items()),
        source_identity=True,
    )
    return AssumedRole(None, role, SystemClock())._request(owner, None, vended=vended)


def requests(asked: dict[str, Any]) -> dict[str, Request]:
    """Return the three actions that AWS evaluates, each with its condition keys.

    docs.aws.amazon.com/service-authorization/latest/reference/list_sts.html
    """
    tags = tuple(each["Key"] for each in asked["Tags"])
    by_action: dict[str, dict[str, Any]] = {
        "sts:AssumeRole": {"sts:ExternalId": EXTERNAL_ID, "aws:TagKeys": tags},
        "sts:TagSession": {"aws:TagKeys": tags},
        "sts:SetSourceIdentity": {"sts:SourceIdentity": asked["SourceIdentity"]},
    }
    return {
        action: Request(action=action, resource=ROLE, by=SERVICE, keys=keys)
        for action, keys in by_action.items()
    }


SOMEBODYS: Final = requests(asks((None, "billing")))
ASSUME, TAG, NAME = SOMEBODYS.values()


@given(owners, st.booleans())
def test_every_caller_gets_a_session(owner: Owner, vended: bool) -> None:
    try:
        asked = asks(owner, vended=vended)
    except SessionRefused:  # a subject that does not fit into a tag
        return
    for request in requests(asked).values():
        assert allows(TRUST, request)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(ASSUME.having(sts_ExternalId=None), id="no ExternalId"),
        pytest.param(ASSUME.having(sts_ExternalId="presign"), id="another ExternalId"),
        pytest.param(TAG.having(aws_TagKeys=("presign-subject", "team")), id="another tag"),
        pytest.param(NAME.having(sts_SourceIdentity="admin"), id="a name that is no session's"),
        pytest.param(NAME.having(sts_SourceIdentity=None), id="no name"),
    ],
)
def test_nothing_else_is_trusted(request_: Request) -> None:
    assert not allows(TRUST, request_)


@pytest.mark.parametrize("action", SOMEBODYS)
def test_nobody_else_is_trusted(action: str) -> None:
    request = SOMEBODYS[action]
    for other in (f"{SERVICE}-2", ROLE, "arn:aws:iam::111122223333:root", None):
        assert not allows(TRUST, replace(request, by=other))


def test_each_action_has_its_own_statement() -> None:
    """ExternalId is a key of AssumeRole only: with the other actions it would refuse them."""
    for policy in (TRUST, IDENTITY):
        assert [each["Action"] for each in policy["Statement"]] == list(SOMEBODYS)


def test_the_tags_match_the_example() -> None:
    text = (ROOT / "presign.example.yaml").read_text(encoding="utf-8")
    reports = YAML(typ="safe").load(text)["buckets"]["reports"]
    [named] = [each for each in TRUST["Statement"] if each["Action"] == "sts:TagSession"]
    keys = named["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"]
    assert keys == list(TAGS) == list(reports["session_tags"])


# The service's own identity


@pytest.mark.parametrize("action", SOMEBODYS)
def test_the_service_may_assume_only_the_signing_role(action: str) -> None:
    assert allows(IDENTITY, Request(action=action, resource=ROLE))
    assert not allows(IDENTITY, Request(action=action, resource=f"{ROLE}-2"))


@pytest.mark.parametrize(
    "action", ["s3:GetObject", "iam:PutRolePolicy", "iam:PassRole", "sts:GetFederationToken"]
)
def test_the_service_may_do_nothing_else(action: str) -> None:
    assert not allows(IDENTITY, Request(action=action, resource=ROLE))


# Web identity

[POD] = WEB_TRUST["Statement"]
PROVIDER: Final = POD["Principal"]["Federated"]
ISSUER: Final = PROVIDER.partition("/")[2]
PODS: Final = Request(
    action="sts:AssumeRoleWithWebIdentity",
    resource=ROLE,
    by=PROVIDER,
    keys={
        f"{ISSUER}:aud": "sts.amazonaws.com",
        f"{ISSUER}:sub": "system:serviceaccount:presign:presign",
    },
)


def test_the_pods_of_the_service_are_trusted() -> None:
    assert allows(WEB_TRUST, PODS)


@pytest.mark.parametrize("claim", ["aud", "sub"])
def test_a_token_needs_both_audience_and_subject(claim: str) -> None:
    """The provider signs tokens for all Pods of the cluster, and for all audiences."""
    for value in ("presign", "system:serviceaccount:presign:default", None):
        assert not allows(WEB_TRUST, PODS.having(**{f"{ISSUER}:{claim}": value}))


def test_conditions_have_no_wildcards_and_one_action_is_trusted() -> None:
    [(operator, keys)] = POD["Condition"].items()
    assert operator == "StringEquals"
    assert set(keys) == set(PODS.keys)
    assert several(POD["Action"]) == ["sts:AssumeRoleWithWebIdentity"]
