"""A pool that stops."""

import asyncio

from tests.sessions.env import AT_ONCE, BILLING, OWN, make_env, refusal
from tests.support.fakes import in_virtual_time


@in_virtual_time
async def test_stop_leaves_no_task() -> None:
    env = make_env("photos", delay=1)
    env.pool.start()
    waiting = asyncio.ensure_future(refusal(env, BILLING))
    await asyncio.sleep(0.5)  # one fetches, none has come
    await env.pool.stop()
    await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert env.pool.current(OWN) is None


@in_virtual_time
async def test_stop_refuses_waiting_requests_at_once() -> None:
    env = make_env(delay=1)
    waiting = asyncio.ensure_future(refusal(env))
    await asyncio.sleep(0.5)
    begun = env.clock.boot()
    await env.pool.stop()
    await waiting
    assert env.clock.boot() - begun < AT_ONCE
