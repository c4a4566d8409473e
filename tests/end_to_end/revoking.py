"""An operator with `presign revoke`, the service, and MiniStack's IAM."""

import json
import re
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.end_to_end.by_hand import is_denied
from tests.end_to_end.operators import (
    OF_NO_CALLER,
    Commands,
    actions_of,
    document,
    unverified_token,
)
from tests.support.service import (
    RunningService,
    SignedRequest,
    as_signed,
    make_caller,
    make_settings,
    send,
)
from tests.support.stores import Store, client, keys_of, ministack_role

POLICY: Final = document("revoke.json")
PLACEHOLDER: Final = "arn:aws:iam::111122223333:role/presign-reports"
CALLERS: Final = [make_caller("a", "key-of-a", ""), make_caller("b", "key-of-b", "")]
PATIENCE_SECONDS: Final = 90
_numbers = count()


@dataclass(frozen=True, kw_only=True)
class Operator(Commands):
    """`presign revoke` with a configuration and the store's IAM."""

    role_arn: str

    @property
    def role(self) -> str:
        return self.role_arn.rpartition("/")[2]

    def run(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        endpoint = ["--iam-endpoint-url", self.store.endpoint_url]
        return self.presign("revoke", *endpoint, *arguments, answer=answer)

    def policies(self) -> dict[str, Any]:
        """Return the revocations on the role."""
        with self.iam() as iam:
            names = iam.list_role_policies(RoleName=self.role)["PolicyNames"]
            return {
                name: iam.get_role_policy(RoleName=self.role, PolicyName=name)["PolicyDocument"]
                for name in names
                if name.startswith("presign-revoke-")
            }

    def put(self, name: str, document: dict[str, Any]) -> None:
        with self.iam() as iam:
            text = json.dumps(document)
            iam.put_role_policy(RoleName=self.role, PolicyName=name, PolicyDocument=text)

    def iam(self) -> closing[Any]:
        return closing(client("iam", self.store.endpoint_url))


@dataclass(frozen=True)
class RevocationSetup:
    """The service in front of MiniStack, and an operator with the permissions of `deploy/iam`."""

    service: RunningService
    operator: Operator
    key: str

    def sign(self, who: str) -> SignedRequest:
        body = {"bucket": "objects", "key": self.key}
        headers = {"Authorization": f"Bearer key-of-{who}"}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            reply = self.service.client.post("/v1/download-urls", json=body, headers=headers)
            if reply.status_code == 200:
                return as_signed(reply.json())
            assert reply.status_code == 503  # sessions before `revoked_before` are not used
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def configure(self, **of_a: str) -> None:
        """Change the file, and wait until it is in use."""
        callers = [{**CALLERS[0], **of_a}, CALLERS[1]]
        settings = make_settings(self.operator.store, callers, role_arn=self.operator.role_arn)
        new = self.operator.configuration.with_suffix(".new")
        new.write_text(json.dumps(settings))
        new.replace(self.operator.configuration)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while 'reload_total{outcome="ok"} 1.0' not in self.service.client.get("/metrics").text:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def operator_of(store: Store, directory: Path, **bucket: Any) -> Operator:
    role_arn = ministack_role(store, f"presign-revoked-{next(_numbers)}", "sts:AssumeRole")
    configuration = directory / "presign.yaml"
    settings = make_settings(store, CALLERS, role_arn=role_arn, **bucket)
    configuration.write_text(json.dumps(settings))
    return Operator(store=store, configuration=configuration, role_arn=role_arn)


def with_rights(operator: Operator, *actions: str) -> Operator:
    """Return an operator that may only do these actions of the policy."""
    statements = [
        {**each, "Action": [action for action in actions_of(each) if action in actions]}
        for each in POLICY["Statement"]
    ]
    assert {each["Resource"] for each in statements} == {PLACEHOLDER}
    policy = {**POLICY, "Statement": [each for each in statements if each["Action"]]}
    return operator.as_new_user(json.dumps(policy).replace(PLACEHOLDER, operator.role_arn))


ALL_ACTIONS: Final = sorted(action for each in POLICY["Statement"] for action in actions_of(each))


def works(signed: SignedRequest) -> bool:
    answer = send(signed)
    assert answer.status_code == 200 or is_denied(answer), answer.text
    return answer.status_code == 200


def credential(signed: SignedRequest) -> str:
    return signed.url.partition("X-Amz-Credential=")[2].partition("%2F")[0]


def revoked_before_in(text: str) -> str:
    found = re.search(r"^ +revoked_before: (\S+)$", text, re.MULTILINE)
    assert found is not None
    return found[1]


def pasted(text: str) -> dict[str, Any]:
    """Return the first JSON document in the output."""
    document: dict[str, Any]
    document, _ = json.JSONDecoder().raw_decode(text[text.index("\n{") + 1 :])
    return document


def given_to(operator: Operator, name: str) -> dict[str, str]:
    """Return credentials of a new session with that name."""
    store = operator.store
    with closing(client("sts", store.endpoint_url, store.credentials)) as sts:
        answer = sts.assume_role(RoleArn=operator.role_arn, RoleSessionName=name)
    return keys_of(answer["Credentials"])


def given_by_web_identity(operator: Operator, name: str) -> dict[str, str]:
    """Return credentials for an unverified token, after making the role trust its issuer."""
    issuer = "accounts.google.com"
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": issuer},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    with operator.iam() as iam:
        iam.update_assume_role_policy(RoleName=operator.role, PolicyDocument=text)
    token = unverified_token(iss=issuer, aud="presign", sub="pod")
    with closing(client("sts", operator.store.endpoint_url, OF_NO_CALLER)) as sts:
        answer = sts.assume_role_with_web_identity(
            RoleArn=operator.role_arn, RoleSessionName=name, WebIdentityToken=token
        )
    return keys_of(answer["Credentials"])


def lets_read(operator: Operator, given: dict[str, str]) -> bool:
    """Whether requests signed by the session work."""
    store, key = operator.store, f"revoke/{operator.role}.txt"
    store.put(key)
    with closing(client("s3", store.endpoint_url, given)) as s3:
        url = s3.generate_presigned_url("get_object", Params={"Bucket": store.bucket, "Key": key})
    return works(SignedRequest("GET", url, {}, {}))
