"""The SDK's own client against a stub on loopback: one request per attempt, and no retries."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aioboto3
import pytest

from service.clock import SystemClock
from service.sessions.sts import AssumedRole, Role, SessionRefused
from service.sessions.sts_clients import StsClients
from tests.support.factories import SECRET, TOKEN
from tests.support.late import again_if_late, within

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
HOUR = 3600


@dataclass
class Stub:
    """Records requests."""

    answer: Answer
    url: str = ""
    asked: list[bytes] = field(default_factory=list)
    serving: set[asyncio.Task[Any]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self.serving.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self.asked.append(await reader.readexactly(length))
            await self.answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a client that hangs up
        finally:
            writer.close()


@asynccontextmanager
async def stub(answer: Answer) -> AsyncIterator[Stub]:
    running = Stub(answer)
    async with await asyncio.start_server(running.serve, "127.0.0.1", 0) as server:
        running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield running
        # Since Python 3.12 the server waits at its end for open connections.
        for serving in running.serving:
            serving.cancel()


@asynccontextmanager
async def make_role(url: str) -> AsyncIterator[AssumedRole]:
    role = Role(
        arn="arn:aws:iam::111122223333:role/r",
        region="eu-west-1",
        session_seconds=HOUR,
        sts_endpoint_url=url,
    )
    session = aioboto3.Session(aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="a")
    async with AsyncExitStack() as stack:
        client = await StsClients(session, stack).for_role(role)
        yield AssumedRole(client, role, SystemClock())


def replies(status: str, body: str, date: datetime | None = None) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        head = [
            f"HTTP/1.1 {status}",
            f"Date: {format_datetime(date or datetime.now(UTC), usegmt=True)}",
            f"Content-Length: {len(body.encode())}",
            "Content-Type: text/xml",
        ]
        writer.write("\r\n".join([*head, "", body]).encode())
        await writer.drain()

    return answer


def make_session(ends: datetime) -> str:
    return (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
        f"<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>{SECRET}"
        f"</SecretAccessKey><SessionToken>{TOKEN}</SessionToken><Expiration>"
        f"{ends.isoformat()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )


def error(code: str) -> str:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"


async def resets(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def breaks_off(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<AssumeRole")
    await writer.drain()


async def hangs(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(replies("503 Slow Down", error("SlowDown")), "SlowDown", id="503"),
        pytest.param(replies("500 Oops", ""), "500", id="500 without a body"),
        pytest.param(replies("400 Bad", error("Throttling")), "Throttling", id="throttled"),
        pytest.param(replies("403 No", error("AccessDenied")), "AccessDenied", id="access denied"),
        pytest.param(replies("200 OK", "<!doctype html><p>a<br>"), "cannot be", id="HTML"),
        pytest.param(replies("200 OK", ""), "cannot be", id="empty"),
        pytest.param(resets, "ConnectionClosed", id="connection reset"),
        pytest.param(breaks_off, "ConnectionClosed", id="connection lost in the response"),
    ],
)
@again_if_late
async def test_failures_are_not_retried_by_the_sdk(answer: Answer, reason: str) -> None:
    async with stub(answer) as sts, make_role(sts.url) as role:
        with (
            within(3),
            pytest.raises(SessionRefused, match=reason),
        ):  # the SDK's retries take longer
            await role.fetch((None, "billing"), None)
    assert len(sts.asked) == 1


@again_if_late
async def test_the_client_itself_gives_up_a_hanging_sts() -> None:
    async with stub(hangs) as sts, make_role(sts.url) as role:
        begun = time.monotonic()
        with within(5), pytest.raises(SessionRefused, match="ReadTimeout"):
            await role.fetch(None, None)
        assert time.monotonic() - begun > 3
    assert len(sts.asked) == 1


@pytest.mark.parametrize("ahead", [1000, -3000])
async def test_the_date_header_sets_the_time(ahead: int) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        at_sts = datetime.now(UTC) + timedelta(seconds=ahead)
        ends = at_sts + timedelta(seconds=HOUR)
        await replies("200 OK", make_session(ends), at_sts)(writer)

    async with stub(answer) as sts, make_role(sts.url) as role:
        session = await role.fetch((None, "billing"), '{"Version":"2012-10-17"}')
    clock = SystemClock()
    assert session.now(clock) - clock.wall() == pytest.approx(ahead, abs=2)
    assert session.remaining(clock) == pytest.approx(HOUR, abs=2)
    assert b"Policy=%7B%22Version" in sts.asked[0]
