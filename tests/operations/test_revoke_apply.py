"""`presign revoke --apply` and `--lift`, against a fake IAM on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, quote

import pytest

from service.operations.revoke.apply import RevocationApplier
from service.operations.revoke.iam import IamRefused, RolePolicies, role_policies
from service.operations.revoke.policy import Target, merged
from tests.operations.test_revoke_policy import NOON, target
from tests.support.factories import SECRET, TOKEN, make_credentials

ARN: Final = target().role_arn
NAME: Final = target().policy_name
_ERROR: Final = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code>"
    f"<Message>{SECRET} of {ARN}</Message></Error></ErrorResponse>"
)
_ROLE: Final = (
    '<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role>'
    "<Arn>{}</Arn></Role></GetRoleResult></GetRoleResponse>"
)
_POLICY: Final = (
    '<GetRolePolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRolePolicyResult>'
    "<PolicyDocument>{}</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>"
)


@dataclass
class FakeIam:
    """IAM with one role. `errors` has an error code for some actions."""

    arn: str = ARN
    policies: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = (await reader.readexactly(length)).decode()
        self.heads.append(head)
        self.requests.append({name: values[0] for name, values in parse_qs(body).items()})
        status, text = self.respond(self.requests[-1])
        start = f"HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {len(text)}\r\n\r\n"
        writer.write((start + text).encode())
        await writer.drain()
        writer.close()

    def respond(self, request: dict[str, str]) -> tuple[int, str]:
        action, name = request["Action"], request.get("PolicyName", "")
        if action in self.errors:
            return 400, _ERROR.format(self.errors[action])
        match action:
            case "GetRole":
                return 200, _ROLE.format(self.arn)
            case "GetRolePolicy" if name in self.policies:
                return 200, _POLICY.format(quote(self.policies[name]))
            case "GetRolePolicy":
                return 404, _ERROR.format("NoSuchEntity")
            case "PutRolePolicy":
                self.policies[name] = request["PolicyDocument"]
            case "DeleteRolePolicy":
                del self.policies[name]
        return 200, f"<{action}Response/>"


def policies_at(url: str) -> AbstractAsyncContextManager[RolePolicies]:
    return role_policies(make_credentials(), region="eu-west-1", endpoint_url=url)


@asynccontextmanager
async def policies_of(iam: FakeIam) -> AsyncIterator[RolePolicies]:
    async with await asyncio.start_server(iam.serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with policies_at(url) as policies:
            yield policies


@dataclass
class Operator:
    lines: list[str] = field(default_factory=list)
    confirms: bool = True
    policies_when_asked: dict[str, str] | None = None


async def deny(iam: FakeIam, operator: Operator, *targets: Target) -> list[str]:
    def confirm(_: str) -> bool:
        operator.policies_when_asked = dict(iam.policies)
        return operator.confirms

    async with policies_of(iam) as policies:
        applier = RevocationApplier(policies, show=operator.lines.append, confirm=confirm)
        return await applier.deny(targets, NOON)


async def test_policies_are_read_by_role_name_with_the_operators_keys() -> None:
    iam = FakeIam(policies={"x": '{"Statement": [], "Id": "a b+é%"}'})
    async with policies_of(iam) as policies:
        assert await policies.read(ARN, "x") == {"Statement": [], "Id": "a b+é%"}
        assert await policies.read(ARN, "y") is None
    assert {each["RoleName"] for each in iam.requests} == {"presign"}
    assert b"/iam/aws4_request" in iam.heads[0]
    assert TOKEN.encode() in iam.heads[0]


async def test_nothing_is_written_without_confirmation() -> None:
    iam, operator = FakeIam(), Operator(confirms=False)
    problems = await deny(iam, operator, target())
    assert problems == ["not confirmed; nothing was changed"]
    assert (operator.policies_when_asked, iam.policies) == ({}, {})
    assert any('"aws:TokenIssueTime": "2026-01-01T12:00:00Z"' in line for line in operator.lines)


async def test_other_statements_are_kept_and_no_white_space_is_written() -> None:
    foreign = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    iam = FakeIam(policies={NAME: json.dumps({"Statement": foreign}), "other": "{}"})
    assert await deny(iam, Operator(), target()) == []
    assert json.loads(iam.policies[NAME]) == merged(
        {"Statement": [foreign]}, target().userids, NOON
    )
    assert " " not in iam.policies[NAME]
    assert iam.policies["other"] == "{}"


@pytest.mark.parametrize("policy", ["not a policy", "[]", '{"Statement": 1}'])
async def test_an_unreadable_policy_is_not_overwritten(policy: str) -> None:
    iam = FakeIam(policies={NAME: policy})
    [problem] = await deny(iam, Operator(), target())
    assert "read" in problem
    assert iam.policies == {NAME: policy}


async def test_another_accounts_role_of_the_same_name_is_not_changed() -> None:
    iam = FakeIam(arn=ARN.replace("111122223333", "444455556666"))
    [problem] = await deny(iam, Operator(), target())
    assert "an account with another role of this name; nothing was written" in problem
    assert [each["Action"] for each in iam.requests] == ["GetRole"]


async def test_a_full_role_is_reported_with_what_to_do() -> None:
    iam = FakeIam(errors={"PutRolePolicy": "LimitExceeded"})
    [problem] = await deny(iam, Operator(), target())
    list_policies = "aws iam list-role-policies --role-name presign`"
    for text in ("10,240 characters", list_policies, "older than 3600 s"):
        assert text in problem


@pytest.mark.parametrize("action", ["GetRole", "GetRolePolicy", "PutRolePolicy"])
async def test_an_error_has_a_code_and_stops_no_other_role(action: str) -> None:
    iam, operator = FakeIam(errors={action: "AccessDenied"}), Operator()
    problems = await deny(iam, operator, target(), target(owner=(None, "web")))
    assert [problem.rpartition(": ")[2] for problem in problems] == ["AccessDenied"] * 2
    for hidden in (SECRET, TOKEN, "127.0.0.1"):
        assert hidden not in "\n".join([*problems, *operator.lines])


async def test_an_unreachable_iam_is_reported_without_its_address() -> None:
    async with await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0) as server:
        closed_port = server.sockets[0].getsockname()[1]
    async with policies_at(f"http://127.0.0.1:{closed_port}") as policies:
        with pytest.raises(IamRefused, match="the call to IAM failed: EndpointConnectionError"):
            await policies.read(ARN, "x")


async def test_a_lift_removes_our_policy_and_warns_of_live_sessions() -> None:
    iam = FakeIam(policies={NAME: json.dumps(merged(None, target().userids, NOON))})
    lines: list[str] = []
    async with policies_of(iam) as policies:
        applier = RevocationApplier(policies, show=lines.append, confirm=lambda _: True)
        assert await applier.lift([target()], now=NOON + 60.0) == []
        assert iam.policies == {}
        assert "their URLs will work again" in lines[0]
        assert await applier.lift([target()], now=NOON + 60.0) == []
    assert lines[-1].endswith("nothing is revoked")
