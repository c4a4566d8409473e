"""Each hook has bounds of its own, and a refusal is reported to the sender of the event."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from service.errors import Overloaded
from service.presigning.audit_trail import AuditTrail
from service.presigning.requests import Requester
from service.protocols.arrivals.hooks import Arrival, signed_headers, webhook_body
from service.protocols.arrivals.notifier import IN_FLIGHT, JOBS, WAITING, Notifier
from service.telemetry.metrics import Metrics
from tests.protocols.arrivals.doubles import FakeHooks
from tests.protocols.arrivals.factories import KEY, make_arrival, make_hook
from tests.support.factories import REQUESTER
from tests.support.virtual_time import CLOCK_START, FakeClock, in_virtual_time, loop_clock

SLOW, QUICK = "https://slow.example/x", "https://quick.example/x"


class Notifying:
    def __init__(self, hooks: FakeHooks, clock: FakeClock | None = None) -> None:
        self.hooks = hooks
        self.lines: list[bytes] = []
        self.metrics = Metrics()
        clock = clock or FakeClock()
        self.is_full = False
        trail = AuditTrail(self._write, clock=clock, observer=self.metrics)
        self.notifier = Notifier(hooks, clock=clock, trail=trail, metrics=self.metrics)
        self.notifier.keep(["billing", "slow", "quick"])

    def _write(self, lines: Iterable[bytes]) -> None:
        if self.is_full:
            raise Overloaded("full")
        self.lines.extend(lines)

    async def notify(self, by: Requester | None = None, **events: Sequence[Arrival]) -> bool:
        urls = {"slow": SLOW, "quick": QUICK}
        events_by_hook = {
            make_hook(name, url=urls.get(name, QUICK)): arrivals
            for name, arrivals in events.items()
        }
        return await self.notifier.notify(events_by_hook, by)

    def line(self) -> dict[str, Any]:
        [line] = self.lines
        found: dict[str, Any] = json.loads(line)
        return found

    async def value(self, series: str) -> float:
        text = (await self.metrics.render()).decode()
        [found] = [line for line in text.splitlines() if line.startswith(f"{series} ")]
        return float(found.split()[-1])


async def test_a_hook_gets_a_signed_event() -> None:
    notifying = Notifying(FakeHooks())
    assert await notifying.notify(billing=[make_arrival()])
    [(url, headers, body)] = notifying.hooks.sent
    event = make_arrival()
    expected = signed_headers(
        [KEY], headers["webhook-id"], webhook_body(event), now=int(CLOCK_START)
    )
    assert (url, dict(headers)) == (QUICK, expected)
    assert body["data"]["key"] == "in/a.txt"


@pytest.mark.parametrize("answer", [199, 301, 307, 400, 404, 410, 429, 500, 503, "ConnectionError"])
async def test_anything_but_2xx_is_a_failure(answer: int | str) -> None:
    notifying = Notifying(FakeHooks(lambda _: answer))
    assert not await notifying.notify(billing=[make_arrival()])
    assert await notifying.value('presign_arrivals_total{hook="billing",outcome="failed"}') == 1


@pytest.mark.parametrize("answer", [200, 202, 204, 299])
async def test_any_2xx_accepts_the_event(answer: int) -> None:
    notifying = Notifying(FakeHooks(lambda _: answer))
    assert await notifying.notify(billing=[make_arrival()])
    assert await notifying.value('presign_arrivals_total{hook="billing",outcome="delivered"}') == 1


async def test_each_try_has_an_audit_line() -> None:
    notifying = Notifying(FakeHooks(lambda _: 503))
    await notifying.notify(billing=[make_arrival()])
    line = notifying.line()
    id_of_event = notifying.hooks.sent[0][1]["webhook-id"]
    names = ("decision", "reason", "operation", "bucket", "keys", "hook", "status")
    assert {name: line[name] for name in names} == {
        "decision": "failed",
        "reason": "it answered 503",
        "operation": "notify",
        "bucket": "demo",
        "keys": ["in/a.txt"],
        "hook": "billing",
        "status": 503,
    }
    assert line["webhook_id"] == id_of_event
    assert "example" not in json.dumps(line)


async def test_the_line_of_an_accepted_event_has_no_reason() -> None:
    notifying = Notifying(FakeHooks())
    await notifying.notify(billing=[make_arrival()])
    line = notifying.line()
    assert (line["decision"], line["status"], "reason" in line) == ("allowed", 204, False)


async def test_a_try_without_an_answer_has_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    notifying = Notifying(FakeHooks(lambda _: "it took too long"))
    await notifying.notify(billing=[make_arrival()])
    line = notifying.line()
    assert (line["decision"], line["reason"]) == ("failed", "it took too long")
    assert "status" not in line
    assert caplog.messages == ["hook billing failed, events are sent again: it took too long"]


async def test_the_line_of_a_push_names_its_caller() -> None:
    notifying = Notifying(FakeHooks())
    await notifying.notifier.notify({make_hook(url=QUICK): [make_arrival()]}, REQUESTER)
    line = notifying.line()
    assert (line["subject"], line["request_id"], line["client"]) == (
        "billing",
        "request-1",
        "192.0.2.1",
    )


async def test_an_event_without_its_line_was_not_told() -> None:
    notifying = Notifying(FakeHooks())
    notifying.is_full = True
    assert not await notifying.notify(billing=[make_arrival()])


@in_virtual_time
async def test_a_slow_hook_holds_up_no_other() -> None:
    clock = loop_clock()
    notifying = Notifying(FakeHooks(seconds={SLOW: 10, QUICK: 0.01}), clock)
    slow = [asyncio.create_task(notifying.notify(slow=[make_arrival()])) for _ in range(500)]
    await asyncio.sleep(0.1)
    began = clock.boot()
    assert await notifying.notify(quick=[make_arrival()])
    assert clock.boot() - began < 0.1
    await asyncio.gather(*slow)


@in_virtual_time
async def test_a_hook_has_a_bound_of_requests_and_of_jobs() -> None:
    clock = loop_clock()
    notifying = Notifying(FakeHooks(seconds={SLOW: 10}), clock)
    outcomes = await asyncio.gather(
        *(notifying.notify(slow=[make_arrival()]) for _ in range(JOBS + 7))
    )
    assert notifying.hooks.most[SLOW] == IN_FLIGHT
    assert sorted(outcomes) == [False] * 7 + [True] * JOBS


@in_virtual_time
@pytest.mark.parametrize(("by", "jobs"), [(None, JOBS + WAITING), (REQUESTER, JOBS * 10)])
async def test_what_is_for_a_quick_hook_waits_for_its_place(
    by: Requester | None, jobs: int
) -> None:
    notifying = Notifying(FakeHooks(seconds={QUICK: 0.01}), loop_clock())
    outcomes = await asyncio.gather(
        *(notifying.notify(by, quick=[make_arrival()]) for _ in range(jobs))
    )
    assert all(outcomes)
    assert notifying.hooks.most[QUICK] == IN_FLIGHT


@in_virtual_time
async def test_what_is_for_a_slow_hook_does_not_wait() -> None:
    clock = loop_clock()
    notifying = Notifying(FakeHooks(seconds={SLOW: 9}), clock)
    await notifying.notify(slow=[make_arrival()])
    working = [asyncio.create_task(notifying.notify(slow=[make_arrival()])) for _ in range(JOBS)]
    await asyncio.sleep(0.1)
    began = clock.boot()
    assert not await notifying.notify(slow=[make_arrival()])
    assert clock.boot() - began < 0.01
    await asyncio.gather(*working)


@in_virtual_time
async def test_few_messages_wait_for_a_hook_that_is_barely_quick() -> None:
    clock = loop_clock()
    notifying = Notifying(FakeHooks(seconds={SLOW: 0.9}), clock)
    for _ in range(2):  # what waited has given its slot back
        began = clock.boot()
        tries = [notifying.notify(slow=[make_arrival()]) for _ in range(JOBS + WAITING + 100)]
        tasks = [asyncio.create_task(each) for each in tries]
        await asyncio.sleep(0.1)
        assert sum(each.done() for each in tasks) == 100
        assert not any(each.result() for each in tasks if each.done())
        assert await notifying.notify(REQUESTER, slow=[make_arrival()])  # its own slots
        outcomes = await asyncio.gather(*tasks)
        assert sum(outcomes) == JOBS + WAITING
        assert clock.boot() - began < 5


async def test_a_hook_that_is_down_is_not_told_the_rest() -> None:
    notifying = Notifying(FakeHooks(lambda _: 500))
    events = [make_arrival(key=f"in/{i}") for i in range(1000)]
    assert not await notifying.notify(billing=events)
    assert len(notifying.hooks.sent) < 20


async def test_one_failure_of_many_fails_the_whole() -> None:
    answers = iter([204] * 5 + [500] + [204] * 100)
    notifying = Notifying(FakeHooks(lambda _: next(answers)))
    assert not await notifying.notify(billing=[make_arrival(key=f"in/{i}") for i in range(20)])
    assert len(notifying.hooks.sent) == 20


async def test_other_hooks_are_told_beside_one_that_fails() -> None:
    notifying = Notifying(FakeHooks(lambda url: 500 if url == SLOW else 204))
    assert not await notifying.notify(slow=[make_arrival()], quick=[make_arrival()])
    assert notifying.hooks.keys(QUICK) == ["in/a.txt"]


async def test_a_removed_hook_has_no_series() -> None:
    notifying = Notifying(FakeHooks())
    notifying.notifier.keep(["quick"])
    await notifying.notify(quick=[make_arrival()])
    assert 'hook="billing"' not in (await notifying.metrics.render()).decode()


async def test_a_failing_hook_is_logged_each_minute_without_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers, clock = [500, 204] * 5, FakeClock()
    notifying = Notifying(FakeHooks(lambda _: answers.pop(0)), clock)
    for _ in range(9):
        await notifying.notify(billing=[make_arrival()])
    line = "hook billing failed, events are sent again: it answered 500"
    assert caplog.messages == [line]
    clock.move(61)
    answers[:] = [500]
    await notifying.notify(billing=[make_arrival()])
    assert caplog.messages == [line] * 2
