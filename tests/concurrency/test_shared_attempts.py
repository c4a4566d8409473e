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
