"""A role's inline policies by the SDK's own client, against a stub of IAM on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, quote

import pytest

from service.operations.revoke.apply import RevocationApplier
from service.operations.revoke.iam import IamRefused, RolePolicies, role_policies
from service.operations.revoke.policy import Target, merged
from service.sessions.sts import session_name
from tests.operations.test_revoke_policy import target
from tests.support.fakes import SECRET, TOKEN, credentials

ARN: Final = target().role_arn
NAME: Final = f"presign-revoke-{session_name((None, 'billing'))}"
MOMENT: Final = 1_767_225_600
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
class Iam:
    """`faults` are answered with in place of what each action does, by its name."""

    arn: str = ARN
    standing: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = (await reader.readexactly(length)).decode()
        self.heads.append(head)
        self.asked.append({name: values[0] for name, values in parse_qs(body).items()})
        status, answer = self.answer(self.asked[-1])
        reply = f"HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {len(answer)}\r\n\r\n"
        writer.write((reply + answer).encode())
        await writer.drain()
        writer.close()

    def answer(self, asked: dict[str, str]) -> tuple[int, str]:
        if (fault := self.faults.get(asked["Action"])) is not None:
            return 400, _ERROR.format(fault)
        match asked["Action"]:
            case "GetRole":
                return 200, _ROLE.format(self.arn)
            case "GetRolePolicy" if (found := self.standing.get(asked["PolicyName"])) is not None:
                return 200, _POLICY.format(quote(found))
            case "GetRolePolicy":
                return 404, _ERROR.format("NoSuchEntity")
            case "PutRolePolicy":
                self.standing[asked["PolicyName"]] = asked["PolicyDocument"]
            case "DeleteRolePolicy":
                del self.standing[asked["PolicyName"]]
        return 200, f"<{asked['Action']}Response/>"


@asynccontextmanager
async def asking(iam: Iam) -> AsyncIterator[RolePolicies]:
    async with await asyncio.start_server(iam.serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with role_policies(credentials(), region="eu-west-1", endpoint_url=url) as policies:
            yield policies


@dataclass
class RemoteFinding:
    lines: list[str] = field(default_factory=list)
    agrees: bool = True
    standing_when_asked: dict[str, str] | None = None


async def deny(iam: Iam, told: RemoteFinding, *targets: Target) -> list[str]:
    def agreed(_: str) -> bool:
        told.standing_when_asked = dict(iam.standing)
        return told.agrees

    async with asking(iam) as policies:
        switch = RevocationApplier(policies, show=told.lines.append, agreed=agreed)
        return await switch.deny(targets, MOMENT)


async def test_a_role_is_asked_for_by_its_name_alone_with_the_operators_keys() -> None:
    iam = Iam(standing={"x": '{"Statement": [], "Id": "a b+é%"}'})
    async with asking(iam) as policies:
        assert await policies.read(ARN, "x") == {"Statement": [], "Id": "a b+é%"}
        assert await policies.read(ARN, "y") is None
    assert {each["RoleName"] for each in iam.asked} == {"presign"}
    assert b"/iam/aws4_request" in iam.heads[0]
    assert TOKEN.encode() in iam.heads[0]


async def test_nothing_is_written_before_it_is_agreed_to() -> None:
    iam, told = Iam(), RemoteFinding(agrees=False)
    problems = await deny(iam, told, target())
    assert problems == ["you did not agree; nothing was changed"]
    assert (told.standing_when_asked, iam.standing) == ({}, {})
    assert any('"aws:TokenIssueTime": "2026-01-01T00:00:00Z"' in line for line in told.lines)


async def test_what_stands_is_joined_and_put_without_white_space() -> None:
    foreign = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    iam = Iam(standing={NAME: json.dumps({"Statement": foreign}), "other": "{}"})
    assert await deny(iam, RemoteFinding(), target()) == []
    assert json.loads(iam.standing[NAME]) == merged(
        {"Statement": [foreign]}, target().userid, MOMENT
    )
    assert " " not in iam.standing[NAME]
    assert iam.standing["other"] == "{}"


@pytest.mark.parametrize("standing", ["not a policy", "[]", '{"Statement": 1}'])
async def test_what_cannot_be_read_is_not_written_over(standing: str) -> None:
    iam = Iam(standing={NAME: standing})
    [problem] = await deny(iam, RemoteFinding(), target())
    assert "read" in problem
    assert iam.standing == {NAME: standing}


async def test_a_role_of_that_name_in_another_account_is_left_alone() -> None:
    iam = Iam(arn=ARN.replace("111122223333", "444455556666"))
    [problem] = await deny(iam, RemoteFinding(), target())
    assert "an account that has another role of this name; nothing was written" in problem
    assert [each["Action"] for each in iam.asked] == ["GetRole"]


async def test_a_role_that_is_full_is_told_with_what_to_do() -> None:
    iam = Iam(faults={"PutRolePolicy": "LimitExceeded"})
    [problem] = await deny(iam, RemoteFinding(), target())
    for said in (
        "10,240 characters",
        "aws iam list-role-policies --role-name presign",
        "3600 s old",
    ):
        assert said in problem


@pytest.mark.parametrize("action", ["GetRole", "GetRolePolicy", "PutRolePolicy"])
async def test_a_refusal_is_told_by_its_code_and_one_role_keeps_no_other_from_its_turn(
    action: str,
) -> None:
    iam, told = Iam(faults={action: "AccessDenied"}), RemoteFinding()
    problems = await deny(iam, told, target(), target(owner=(None, "web"), session="web"))
    assert [problem.rpartition(": ")[2] for problem in problems] == ["AccessDenied"] * 2
    for hidden in (SECRET, TOKEN, "127.0.0.1"):
        assert hidden not in "\n".join([*problems, *told.lines])


async def test_an_iam_that_is_not_there_is_told_in_words_without_its_address(
    unused_tcp_port_closed: int,
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port_closed}"
    async with role_policies(credentials(), region="eu-west-1", endpoint_url=url) as policies:
        with pytest.raises(
            IamRefused, match="IAM cannot be asked or read: EndpointConnectionError"
        ):
            await policies.read(ARN, "x")


@pytest.fixture(name="unused_tcp_port_closed")
async def _closed() -> int:
    async with await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
    return port


async def test_what_is_lifted_leaves_what_is_not_ours_and_is_warned_of_while_sessions_live() -> (
    None
):
    alone = json.dumps(merged(None, target().userid, MOMENT))
    iam, told = Iam(standing={NAME: alone}), RemoteFinding()
    async with asking(iam) as policies:
        switch = RevocationApplier(policies, show=told.lines.append, agreed=lambda _: True)
        assert await switch.lift([target()], now=MOMENT + 60.0) == []
        assert iam.standing == {}
        assert "their URLs will work again" in told.lines[0]
        assert await switch.lift([target()], now=MOMENT + 60.0) == []
    assert told.lines[-1].endswith("nothing is revoked")
