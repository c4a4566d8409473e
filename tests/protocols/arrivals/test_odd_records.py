"""Many records, odd keys, and events that come again or out of order."""

import asyncio
import json

from service.concurrency.event_loop import ITEMS_PER_SLICE
from service.protocols.arrivals.arrivals import Arrivals
from tests.protocols.arrivals.doubles import FakeHooks
from tests.protocols.arrivals.factories import body_of, make_record
from tests.protocols.arrivals.pushing import NOTIFY, URL, push, pushing
from tests.support.app import (
    app_of,
)


async def test_a_message_with_a_surrogate_is_done() -> None:
    async with pushing(FakeHooks()) as client:
        assert await app_of(client).parts.use_case(Arrivals).take('{"Records": "\ud800"}')


async def test_a_long_push_holds_up_no_other_request() -> None:
    records, turns = 1000, 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with pushing(FakeHooks(), NOTIFY | {"prefix": ""}) as client:
        counting = asyncio.create_task(count_turns())
        body = body_of(*(make_record(key=f"out/{i}") for i in range(records)))
        assert (await push(client, body)).status_code == 204
        counting.cancel()
    # They are read, and then their hooks are found: each takes as many slices.
    assert turns > 1.5 * records / ITEMS_PER_SLICE


async def test_a_thousand_records_of_a_message_are_all_told() -> None:
    hooks = FakeHooks()
    keys = [f"in/{i}" for i in range(1000)]
    async with pushing(hooks) as client:
        arrivals = app_of(client).parts.use_case(Arrivals)
        assert await arrivals.take(body_of(*(make_record(key=key) for key in keys)))
    assert sorted(hooks.keys(URL)) == sorted(keys)


async def test_the_same_event_ten_times_has_one_id() -> None:
    hooks = FakeHooks()
    async with pushing(hooks) as client:
        for _ in range(5):
            await app_of(client).parts.use_case(Arrivals).take(body_of(make_record()))
            await push(client, body_of(make_record()))
    assert len(hooks.sent) == 10
    assert len({headers["webhook-id"] for _, headers, _ in hooks.sent}) == 1


async def test_events_out_of_order_are_told_with_their_sequencers() -> None:
    hooks, sequencers = FakeHooks(), ["0B", "0A", "1"]
    async with pushing(hooks) as client:
        for each in sequencers:
            await push(client, body_of(make_record(object={"sequencer": each})))
    assert [body["data"]["sequencer"] for _, _, body in hooks.sent] == sequencers
    assert len({headers["webhook-id"] for _, headers, _ in hooks.sent}) == 3


async def test_control_characters_of_a_key_stay_inside_of_json() -> None:
    hooks, lines = FakeHooks(), list[bytes]()
    async with pushing(hooks, audit=lines.extend) as client:
        answer = await push(client, body_of(make_record(key="in/%0D%0A%00%1B[2J")))
    assert answer.status_code == 204
    key = "in/\r\n\0\x1b[2J"
    assert hooks.keys(URL) == [key]
    [line] = lines
    assert json.loads(line)["keys"] == [key]
    assert line.count(b"\n") == 1
    assert not {0, 13, 27} & set(line)
