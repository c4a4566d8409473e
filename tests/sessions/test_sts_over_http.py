"""The SDK's own client against a stub on loopback: one request per attempt, and no retries."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aioboto3
import pytest

from service.clock import SystemClock
from service.sessions.source import Role, SessionRefused
from service.sessions.sts import AssumedRole
from service.sessions.sts_clients import StsClients
from tests.sessions.wire import ERROR, SESSION
from tests.support.factories import SECRET, TOKEN
from tests.support.late import again_if_late, within
from tests.support.stub_server import Answer, response, sends, serving

HOUR = 3600


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
    at = format_datetime(date or datetime.now(UTC), usegmt=True)
    return sends(response(body.encode(), f"Date: {at}", "Content-Type: text/xml", status=status))


async def resets(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def hangs(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(replies("503 Slow Down", ERROR.format("SlowDown")), "SlowDown", id="503"),
        pytest.param(replies("500 Oops", ""), "500", id="500 without a body"),
        pytest.param(replies("400 Bad", ERROR.format("Throttling")), "Throttling", id="throttled"),
        pytest.param(
            replies("403 No", ERROR.format("AccessDenied")), "AccessDenied", id="access denied"
        ),
        pytest.param(replies("200 OK", "<!doctype html><p>a<br>"), "cannot be", id="HTML"),
        pytest.param(replies("200 OK", ""), "cannot be", id="empty"),
        pytest.param(resets, "ConnectionClosed", id="connection reset"),
        pytest.param(
            sends(response(b"<AssumeRole")[:-1]),
            "ConnectionClosed",
            id="connection lost in the response",
        ),
    ],
)
@again_if_late
async def test_failures_are_not_retried_by_the_sdk(answer: Answer, reason: str) -> None:
    async with serving(answer) as sts, make_role(sts.origin) as role:
        with (
            within(3),
            pytest.raises(SessionRefused, match=reason),
        ):  # the SDK's retries take longer
            await role.fetch((None, "billing"), None)
    assert len(sts.requests) == 1


@again_if_late
async def test_the_client_itself_gives_up_a_hanging_sts() -> None:
    async with serving(hangs) as sts, make_role(sts.origin) as role:
        begun = time.monotonic()
        with within(5), pytest.raises(SessionRefused, match="ReadTimeout"):
            await role.fetch(None, None)
        assert time.monotonic() - begun > 3
    assert len(sts.requests) == 1


@pytest.mark.parametrize("ahead", [1000, -3000])
async def test_the_date_header_sets_the_time(ahead: int) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        at_sts = datetime.now(UTC) + timedelta(seconds=ahead)
        ends = (at_sts + timedelta(seconds=HOUR)).isoformat()
        body = SESSION.format(key_id="ASIAEXAMPLE", secret=SECRET, token=TOKEN, ends=ends)
        await replies("200 OK", body, at_sts)(writer)

    async with serving(answer) as sts, make_role(sts.origin) as role:
        session = await role.fetch((None, "billing"), '{"Version":"2012-10-17"}')
    clock = SystemClock()
    assert session.now(clock) - clock.wall() == pytest.approx(ahead, abs=2)
    assert session.remaining(clock) == pytest.approx(HOUR, abs=2)
    assert "Policy=%7B%22Version" in sts.requests[0]
