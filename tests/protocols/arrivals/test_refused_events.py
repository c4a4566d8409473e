"""How long a hook refuses its oldest event, of which no sender's clock decides."""

import asyncio
from typing import Final

import pytest

from service.protocols.arrivals.arrivals import Arrivals
from service.protocols.arrivals.hooks import Arrival
from service.protocols.arrivals.notifier import RefusedEvents
from tests.protocols.arrivals.doubles import FakeHooks, FakeQueue
from tests.protocols.arrivals.factories import body_of, make_record, one
from tests.protocols.arrivals.pushing import pushing
from tests.support.app import app_of
from tests.support.virtual_time import CLOCK_START, FakeClock

DAY: Final = 86_400.0
FORGED: Final = ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]


def an_event(key: str = "in/a", *, first_seen: float | None = None, time: str = "") -> Arrival:
    more = {"eventTime": time} if time else {}
    return Arrival("demo", one(key=key, **more), first_seen=first_seen)


class Refusing:
    """What is known of one hook. `age` is that of the oldest event."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._events = RefusedEvents(self.clock)
        self._events.keep(["billing"])

    def refuse(self, event: Arrival) -> None:
        self._events.note("billing", event, is_refused=True)

    def accept(self, event: Arrival) -> None:
        self._events.note("billing", event, is_refused=False)

    @property
    def age(self) -> float:
        [(_, age)] = self._events.ages()
        return age


def test_an_event_is_as_old_as_its_first_refusal() -> None:
    hook, event = Refusing(), an_event()
    assert hook.age == 0
    for _ in range(20):
        hook.refuse(event)
        hook.clock.move(60)
    assert hook.age == 1200
    hook.accept(event)
    assert hook.age == 0


def test_a_younger_event_does_not_hide_the_oldest() -> None:
    hook, oldest = Refusing(), an_event()
    hook.refuse(oldest)
    hook.clock.move(60)
    hook.refuse(an_event("in/b"))
    hook.accept(an_event("in/b"))
    assert hook.age == 60


@pytest.mark.parametrize("time", FORGED)
def test_one_forged_time_holds_no_age(time: str) -> None:
    hook = Refusing()
    hook.refuse(an_event("in/forged", time=time))
    assert hook.age == 0
    for number in range(20):
        hook.clock.move(6)
        hook.accept(an_event(f"in/{number}"))
        assert hook.age <= 120
    assert hook.age == 0


def test_a_hook_that_accepts_others_forgets_what_does_not_come_back() -> None:
    hook = Refusing()
    hook.refuse(an_event("in/forged"))
    for number in range(20):
        hook.clock.move(20)
        hook.accept(an_event(f"in/{number}"))
        hook.refuse(an_event(f"in/{number + 100}"))
        assert hook.age <= 140


def test_a_hook_that_refuses_all_is_as_old_as_the_first_refusal() -> None:
    hook = Refusing()
    for number in range(60):  # each comes back later than it is remembered
        hook.refuse(an_event(f"in/{number}"))
        hook.clock.move(60)
    assert hook.age == 3600


def test_a_message_is_as_old_as_the_queue_says_at_any_replica() -> None:
    hook, first_seen = Refusing(), CLOCK_START - 3 * DAY
    hook.refuse(an_event(first_seen=first_seen))
    assert hook.age == 3 * DAY
    hook.clock.move(43_000)  # until its next try, elsewhere
    assert hook.age == 3 * DAY + 43_000
    hook.clock.move(400)
    assert hook.age == 0


@pytest.mark.parametrize("first_seen", [0.0, CLOCK_START - 15 * DAY, CLOCK_START + DAY])
def test_a_time_that_a_queue_cannot_say_is_not_believed(first_seen: float) -> None:
    hook = Refusing()
    hook.refuse(an_event(first_seen=first_seen))
    hook.clock.move(60)
    assert hook.age == 60


async def test_a_polled_message_has_the_time_of_its_queue() -> None:
    queue = FakeQueue([body_of(make_record())], first_received_at=CLOCK_START - 1000)
    tried = asyncio.Event()

    def refuse(_: str) -> int:
        tried.set()
        return 503

    async with pushing(FakeHooks(refuse), clock=FakeClock()) as client:
        arrivals = app_of(client).parts.use_case(Arrivals)
        arrivals.poll(queue)
        await tried.wait()
        await arrivals.close()  # once what is being worked on has ended
        text = (await client.get("/metrics")).text
    assert 'presign_arrivals_oldest_seconds{hook="billing"} 1000.0' in text
