"""Waiting for what other tasks, threads or processes do."""

import asyncio
from collections.abc import Callable

import pytest

PATIENCE = 30.0  # seconds, for a busy machine


async def until(
    condition: Callable[[], object], otherwise: Callable[[], str] = lambda: "it is not so yet"
) -> None:
    """`otherwise` says what was seen instead, after a time that is too long for any machine."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - nothing sets an event
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"after {PATIENCE:.0f} s: {otherwise()}")
