"""A message stays in the queue until it is done, and is tried again later each time."""

import asyncio
import json
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from service.protocols.arrivals.poller import LAST_SECONDS, STOP_SECONDS, Poller
from service.protocols.arrivals.queue import (
    LONGEST_SECONDS,
    Message,
    QueueUnavailable,
    retry_seconds,
)
from tests.protocols.arrivals.doubles import FakeQueue
from tests.protocols.arrivals.polling import Failures, accept, polling
from tests.support.virtual_time import in_virtual_time, loop_clock


@in_virtual_time
async def test_a_message_that_is_done_is_deleted() -> None:
    queue = FakeQueue(["a", "b"])
    async with polling(queue, accept):
        await asyncio.sleep(1)
    assert queue.left == 0


@in_virtual_time
async def test_a_message_that_fails_is_tried_ever_later() -> None:
    queue = FakeQueue(["a"])

    async def refuse(_: Message) -> bool:
        return False

    async with polling(queue, refuse):
        await asyncio.sleep(20_000)
    times = [time for time, _ in queue.received]
    pauses = [after - before for before, after in pairwise(times)]
    assert queue.left == 1
    assert [round(pause) for pause in pauses[:5]] == [2, 4, 8, 16, 32]
    assert pauses[0] <= 2.2


@pytest.mark.slow
@in_virtual_time
async def test_a_hook_that_is_down_for_a_day_gets_its_event_within_another() -> None:
    queue, day, clock = FakeQueue(["a"]), 86_400, loop_clock()
    up_at, accepted_at = clock.boot() + day, list[float]()

    async def refuse_for_a_day(_: Message) -> bool:
        if clock.boot() < up_at:
            return False
        accepted_at.append(clock.boot())
        return True

    async with polling(queue, refuse_for_a_day):
        await asyncio.sleep(2 * day)
    [accepted] = accepted_at
    assert (queue.left, accepted - up_at <= LONGEST_SECONDS) == (0, True)
    assert len(queue.received) < 20


def test_no_message_is_hidden_beyond_what_sqs_allows() -> None:
    for receives in range(1, 1000):
        for held in (0.0, 10.5, 40_000.0, 43_199.5):
            seconds = retry_seconds(receives, random.random(), held=held)
            assert seconds >= 1
            assert seconds + held <= LONGEST_SECONDS + 1


def test_the_first_new_try_is_within_two_seconds() -> None:
    assert {retry_seconds(1, jitter / 100, held=0.1) for jitter in range(100)} == {1, 2}


@in_virtual_time
async def test_other_replicas_do_not_see_what_takes_long() -> None:
    queue = FakeQueue(["a"])

    async def take_long(_: Message) -> bool:
        await asyncio.sleep(300)
        return True

    async with polling(queue, take_long), polling(queue, take_long):
        await asyncio.sleep(400)
    assert (len(queue.received), queue.left) == (1, 0)


@in_virtual_time
async def test_a_message_of_a_killed_replica_comes_back() -> None:
    queue = FakeQueue(["a"])

    async def never(_: Message) -> bool:
        await asyncio.Event().wait()
        return True

    killed = Poller(queue, never, slots=lambda: 9, jitter=lambda: 0.5, on_failure=Failures())
    killed.start()
    await asyncio.sleep(5)
    for task in (*killed._receivers, killed._extending, killed._settling, *killed._working):
        task.cancel()
    async with polling(queue, accept):
        await asyncio.sleep(31)
    assert queue.left == 0


@in_virtual_time
async def test_slow_messages_hold_up_no_others() -> None:
    clock = loop_clock()
    queue, done = FakeQueue([*["slow"] * 50, "quick"]), dict[str, float]()

    async def work(message: Message) -> bool:
        await asyncio.sleep(1000 if message.body == "slow" else 0)
        done[message.body] = clock.boot()
        return True

    async with polling(queue, work):
        await asyncio.sleep(10)
        assert done.keys() == {"quick"}
        assert done["quick"] < 1


@in_virtual_time
async def test_no_more_messages_are_taken_than_there_are_places() -> None:
    queue = FakeQueue(["a"] * 100)

    async def take_long(_: Message) -> bool:
        await asyncio.sleep(1000)
        return True

    async with polling(queue, take_long, slots=7):
        await asyncio.sleep(100)
        assert len(queue.received) == 7


@in_virtual_time
async def test_without_places_nothing_is_taken() -> None:
    queue = FakeQueue(["a"])
    async with polling(queue, accept, slots=0):
        await asyncio.sleep(100)
    assert (queue.received, queue.left) == ([], 1)


@in_virtual_time
async def test_an_unexpected_error_leaves_the_message() -> None:
    queue = FakeQueue(["a", "b"])

    async def work(message: Message) -> bool:
        if message.body == "a":
            raise RuntimeError
        return True

    async with polling(queue, work):
        await asyncio.sleep(1)
    assert queue.left == 1


@in_virtual_time
async def test_no_error_of_the_queue_ends_the_polls() -> None:
    class Broken(FakeQueue):
        def _called(self, call: str) -> None:
            super()._called(call)
            if self.calls.count(call) == 1:
                raise asyncio.CancelledError if call == "receive" else KeyError(call)

    queue, failures = Broken(["a"]), Failures()
    async with polling(queue, accept, failures=failures):
        await asyncio.sleep(100)
    assert (queue.left, failures.count) == (0, 2)


@in_virtual_time
async def test_a_queue_that_is_gone_is_asked_again() -> None:
    queue, failures = FakeQueue(["a"]), Failures()
    queue.failures = 5
    async with polling(queue, accept, failures=failures):
        await asyncio.sleep(60)
    assert (queue.left, failures.count) == (0, 5)


@in_virtual_time
async def test_a_queue_that_stays_gone_is_not_asked_all_the_time() -> None:
    queue = FakeQueue()
    queue.failures = 10**9
    async with polling(queue, accept):
        await asyncio.sleep(3600)
    assert len(queue.calls) < 250


@in_virtual_time
async def test_what_is_done_is_told_the_queue_in_batches() -> None:
    queue = FakeQueue(["a"] * 100)
    async with polling(queue, accept):
        await asyncio.sleep(5)
    assert queue.left == 0
    assert queue.calls.count("delete") <= 15


class Undeletable(FakeQueue):
    """As for an identity that may receive only."""

    async def delete(self, _: Sequence[str]) -> None:
        raise QueueUnavailable("ClientError: AccessDenied")


@in_virtual_time
async def test_what_cannot_be_deleted_is_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, failures = Undeletable(["a", "b"], invisible=1), Failures()
    async with polling(queue, accept, failures=failures):
        await asyncio.sleep(119)
    assert (queue.left, len(caplog.messages)) == (2, 2)
    assert failures.count > 50
    assert caplog.messages[0].endswith("they come back: ClientError: AccessDenied")


@in_virtual_time
async def test_a_stop_waits_for_what_is_nearly_done() -> None:
    queue = FakeQueue(["a"])

    async def work(_: Message) -> bool:
        await asyncio.sleep(3)
        return True

    async with polling(queue, work):
        await asyncio.sleep(1)
    assert (queue.left, queue.is_closed) == (0, True)


@in_virtual_time
async def test_a_stop_during_a_deletion_deletes() -> None:
    class Slow(FakeQueue):
        async def delete(self, receipts: Sequence[str]) -> None:
            await asyncio.sleep(1)
            await super().delete(receipts)

    queue = Slow(["a"])
    async with polling(queue, accept):
        await asyncio.sleep(0.5)
    assert queue.left == 0


class HangingQueue(FakeQueue):
    """It learns nothing, and does not say so."""

    async def delete(self, _: Sequence[str]) -> None:
        await asyncio.Event().wait()


@in_virtual_time
async def test_a_stop_takes_seconds_if_a_hook_and_the_queue_hang() -> None:
    clock, queue = loop_clock(), HangingQueue(["done", "hangs"])

    async def work(message: Message) -> bool:
        if message.body == "hangs":
            await asyncio.Event().wait()
        return True

    async with polling(queue, work):
        await asyncio.sleep(1)
        began = clock.boot()
    assert clock.boot() - began <= STOP_SECONDS + 0.1
    assert asyncio.all_tasks() == {asyncio.current_task()}


@in_virtual_time
async def test_a_stop_ends_though_the_last_report_hangs() -> None:
    clock, queue = loop_clock(), HangingQueue(["a"])

    async def work(_: Message) -> bool:
        await asyncio.sleep(3)
        return True

    async with polling(queue, work):
        await asyncio.sleep(1)
        began = clock.boot()
    assert clock.boot() - began <= STOP_SECONDS + LAST_SECONDS + 0.1
    assert queue.is_closed


@in_virtual_time
async def test_a_stop_takes_seconds_whatever_hangs() -> None:
    clock = loop_clock()
    queue = FakeQueue(["a"])

    async def hang(_: Message) -> bool:
        await asyncio.Event().wait()
        return True

    async with polling(queue, hang):
        await asyncio.sleep(1)
        began = clock.boot()
    assert clock.boot() - began <= STOP_SECONDS + 0.1
    assert queue.left == 1


@in_virtual_time
async def test_nothing_is_lost_when_replicas_are_killed_at_random() -> None:
    chance = random.Random(7)
    queue, accepted = FakeQueue(json.dumps(i) for i in range(1000)), set[str]()

    async def fail_half(message: Message) -> bool:
        await asyncio.sleep(chance.random())
        if chance.random() < 0.5:
            return False
        accepted.add(message.body)
        return True

    def replica() -> Poller:
        one = Poller(
            queue, fail_half, slots=lambda: 74, jitter=chance.random, on_failure=Failures()
        )
        one.start()
        return one

    replicas = [replica() for _ in range(3)]
    for _kill in range(20):
        await asyncio.sleep(2)
        killed = replicas.pop(0)
        for task in (*killed._receivers, killed._extending, killed._settling, *killed._working):
            task.cancel()
        replicas.append(replica())
    await queue.is_empty.wait()
    for each in replicas:
        await each.stop()
    assert len(accepted) == 1000


@pytest.mark.parametrize("receives", [1, 5, 50])
def test_replicas_do_not_try_again_at_the_same_time(receives: int) -> None:
    tries = {retry_seconds(receives, jitter / 100, held=0) for jitter in range(100)}
    assert len(tries) > 1
