"""The task of shared attempts ends when it is told to."""

import asyncio
from contextlib import suppress

from service.concurrency.shared_attempts import SharedAttempts
from service.concurrency.waiting import Waiting
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_swallowed_cancellation_ends_the_task_too() -> None:
    steps = 0

    async def step() -> float:
        nonlocal steps
        steps += 1
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        return 0.5

    attempts = SharedAttempts(step, name="test", waiting=Waiting())
    attempts.start()
    await asyncio.sleep(1)
    async with asyncio.timeout(1):
        await attempts.stop()
    assert steps == 1


@in_virtual_time
async def test_an_interrupted_step_begins_again_with_the_next_wait() -> None:
    steps = 0

    async def step() -> float:
        nonlocal steps
        steps += 1
        await asyncio.sleep(3600 if steps == 1 else 0)
        attempts.ended()
        return 60.0

    attempts = SharedAttempts(step, name="test", waiting=Waiting())
    attempts.start()
    await asyncio.sleep(1)
    assert attempts.is_at_work
    attempts.interrupt()
    async with asyncio.timeout(1):
        await attempts.until_asleep()
    assert steps == 1
    await attempts.wait(1, "test")
    assert steps == 2
    await attempts.stop()


@in_virtual_time
async def test_a_step_that_swallows_an_interruption_ends_too() -> None:
    async def step() -> float:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        return 60.0

    attempts = SharedAttempts(step, name="test", waiting=Waiting())
    attempts.start()
    await asyncio.sleep(1)
    attempts.interrupt()
    async with asyncio.timeout(1):
        await attempts.until_asleep()
        await attempts.stop()


@in_virtual_time
async def test_what_has_just_been_woken_counts_as_at_work() -> None:
    async def step() -> float:
        return 60.0

    attempts = SharedAttempts(step, name="test", waiting=Waiting())
    attempts.start()
    await asyncio.sleep(1)
    seen = [attempts.is_at_work]
    attempts.wake()
    seen.append(attempts.is_at_work)
    await attempts.until_asleep()
    seen.append(attempts.is_at_work)
    assert seen == [False, True, False]
    await attempts.stop()


@in_virtual_time
async def test_an_interruption_before_a_step_does_not_end_the_task() -> None:
    steps = 0

    async def step() -> float:
        nonlocal steps
        steps += 1
        return 60.0

    attempts = SharedAttempts(step, name="test", waiting=Waiting())
    attempts.start()
    attempts.interrupt()
    await attempts.until_asleep()
    attempts.wake()
    attempts.interrupt()
    async with asyncio.timeout(1):
        await attempts.until_asleep()
    assert (attempts.is_at_work, steps) == (False, 2)
    await attempts.stop()


@in_virtual_time
async def test_a_step_that_begins_at_once_is_waited_for_too() -> None:
    steps = 0

    async def step() -> float:
        nonlocal steps
        await asyncio.sleep(1)
        steps += 1
        return 60.0

    attempts = SharedAttempts(step, name="test", waiting=Waiting())
    attempts.start()
    await asyncio.sleep(0.5)
    attempts.wake()
    await attempts.until_asleep()
    assert (attempts.is_at_work, steps) == (False, 2)
    await attempts.stop()


@in_virtual_time
async def test_two_interruptions_of_a_step_leave_the_task_alive() -> None:
    steps = 0

    async def step() -> float:
        nonlocal steps
        steps += 1
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600 if steps == 1 else 0)
        return 60.0

    attempts = SharedAttempts(step, name="test", waiting=Waiting())
    attempts.start()
    for _ in range(2):
        await asyncio.sleep(1)
        attempts.interrupt()
    await attempts.until_asleep()
    task = next(each for each in asyncio.all_tasks() if each.get_name() == "test")
    assert task.cancelling() == 0
    await attempts.stop()


@in_virtual_time
async def test_the_end_of_the_task_is_waited_for_like_a_sleep() -> None:
    async def step() -> None:
        await asyncio.sleep(1)

    attempts = SharedAttempts(step, name="test", waiting=Waiting())
    attempts.start()
    await asyncio.sleep(0.5)
    async with asyncio.timeout(1):
        await attempts.until_asleep()
