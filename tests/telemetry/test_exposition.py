"""A scrape is rendered in slices."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry, Counter, disable_created_metrics
from prometheus_client.exposition import generate_latest

from service.concurrency.event_loop import ITEMS_PER_SLICE
from service.telemetry.exposition import render
from service.telemetry.metrics import Metrics


def registry_of(series: int) -> CollectorRegistry:
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the client has no types
    registry = CollectorRegistry()
    Counter("before", "No labels.", registry=registry).inc()
    counter = Counter("many", "Many\nlines.", ["label"], registry=registry)
    for number in range(series):
        counter.labels(f'"{number}"\n').inc(number)
    return registry


@pytest.mark.parametrize("series", [0, 1, ITEMS_PER_SLICE - 1, ITEMS_PER_SLICE, 1000])
async def test_a_scrape_is_what_the_library_renders_at_once(series: int) -> None:
    registry = registry_of(series)
    assert await render(registry) == generate_latest(registry)


async def test_the_loop_runs_between_the_slices() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await render(registry_of(ITEMS_PER_SLICE * 10))
    counting.cancel()
    assert turns >= 9


async def test_thousands_of_api_keys_have_one_help_line() -> None:
    metrics = Metrics()
    assert b"# HELP presign_api_key_requests_total" in await metrics.render()
    metrics.api_key_uses.update({(f"caller-{n}", "abcdef01"): n for n in range(4000)})
    text = await metrics.render()
    assert text.count(b"# HELP presign_api_key_requests_total") == 1
    assert text.count(b"\npresign_api_key_requests_total{") == 4000
