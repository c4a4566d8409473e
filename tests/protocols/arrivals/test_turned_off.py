"""Messages of a queue while arrivals are off, or while a hook is not yet known everywhere."""

import asyncio
import logging
from typing import Any, Final

import pytest

from service.protocols.arrivals.arrivals import Arrivals
from tests.protocols.arrivals.doubles import FakeHooks, FakeQueue
from tests.protocols.arrivals.factories import SECRET, body_of, make_record
from tests.protocols.arrivals.pushing import HOOKS, NOTIFY, URL, pushing
from tests.support.app import app_of, make_app_settings

OFF: Final = "arrivals are not configured: the messages stay in the queue"
NEW_URL: Final = f"{URL}/new"
NEW: Final[dict[str, Any]] = {"bucket": "demo", "prefix": "new/", "url": NEW_URL, "secret": SECRET}
WITH_NEW_HOOK: Final = make_app_settings(NOTIFY, arrivals={"hooks": HOOKS | {"new": NEW}})


def bodies(prefix: str, count: int) -> list[str]:
    return [body_of(make_record(key=f"{prefix}{number}")) for number in range(count)]


async def test_a_reload_that_turns_arrivals_off_is_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with pushing(FakeHooks()) as client:
        arrivals, services = app_of(client).parts.use_case(Arrivals), app_of(client).services
        for section in (None, {"hooks": HOOKS}, None):
            await services.reconfigure(make_app_settings(NOTIFY, arrivals=section))
            outcomes = [await arrivals.take(each) for each in [*bodies("in/", 9), "garbage"]]
            assert outcomes == [section is not None] * 10
    assert [record.message for record in caplog.records].count(OFF) == 2


async def test_a_reload_in_the_middle_of_a_message_leaves_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hooks = FakeHooks()
    long_body = body_of(*(make_record(key=f"in/{number}") for number in range(1000)))
    async with pushing(hooks) as client:
        arrivals = app_of(client).parts.use_case(Arrivals)
        taking = asyncio.create_task(arrivals.take(long_body))
        await asyncio.sleep(0)  # it is being read, in slices
        assert not taking.done()
        arrivals.configure(None)
        assert not await taking
    warnings = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert ([each.message for each in warnings], hooks.sent) == ([OFF], [])


async def test_a_hook_before_its_notification_misses_no_event() -> None:
    hooks = FakeHooks()
    async with pushing(hooks) as first, pushing(hooks) as second:
        apps = [app_of(first), app_of(second)]
        for app in apps:
            await app.services.reconfigure(WITH_NEW_HOOK)
        queue = FakeQueue(bodies("new/", 50))  # the bucket's events, from now on
        for app in apps:
            app.parts.use_case(Arrivals).poll(queue)
        async with asyncio.timeout(60):
            await queue.is_empty.wait()
    assert sorted(hooks.keys(NEW_URL)) == sorted(f"new/{number}" for number in range(50))


async def test_an_event_before_its_hook_is_done_at_a_replica() -> None:
    hooks = FakeHooks()
    async with pushing(hooks) as reloaded, pushing(hooks) as other:
        await app_of(reloaded).services.reconfigure(WITH_NEW_HOOK)
        for client in (other, reloaded):
            [body] = bodies("new/", 1)
            assert await app_of(client).parts.use_case(Arrivals).take(body)
    assert hooks.keys(NEW_URL) == ["new/0"]  # by the replica that knows the hook
