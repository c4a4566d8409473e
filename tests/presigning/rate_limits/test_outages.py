"""A real store that restarts, hangs, is slow, or is replaced by its replica."""

import asyncio
import gc
from pathlib import Path

import pytest

from service.access.grants import Caller
from service.concurrency.store_calls import PAUSE_SECONDS
from tests.presigning.rate_limits.replicas import (
    Replica,
    make_replicas,
    send_burst,
)
from tests.support.gate import Gate, gate_to
from tests.support.valkey import Valkey, primary_and_replica, promote, wait_for_replica


async def test_while_a_store_is_down_each_replica_counts_in_memory(
    store: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with make_replicas(store.url) as [replica]:
        await replica.take(10)
        store.stop()
        await replica.take(10)
        store.forget()
        await replica.refusal(1)  # the store runs again, but is not called yet
        assert replica.failures == 2
        replica.clock.move(PAUSE_SECONDS + 0.1)
        await replica.take(10)
        await replica.refusal(1)
        assert replica.failures == 2
    lines = [each.getMessage() for each in caplog.records if each.name.startswith("service")]
    assert lines == ["the rate limit store fails; it is called again in 5 s: ConnectionError"]


async def test_a_restart_between_requests_is_not_noticed(store: Valkey) -> None:
    """The connections that the replica kept are closed, and the store has kept its counts."""
    async with make_replicas(store.url, 2) as [one, other]:
        await one.take(4)
        await other.take(4)
        store.stop()
        store.start()
        await asyncio.sleep(0.05)  # the event loop sees the closed connections
        await one.take(2)
        await other.refusal(1)
        assert one.failures + other.failures == 0


async def test_a_store_that_hangs_is_not_called_until_it_answers(
    store: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with make_replicas(store.url, store_seconds=1.0) as [replica]:
        with store.hanging():
            assert await fails(replica)
            failures = replica.failures
            await send_burst(replica, 50)  # at once, or it would take 3 s
            assert replica.failures == failures + 50
            names = [each.name for each in caplog.records]
            assert names.count("service.concurrency.store_calls") == 1
        assert await counts_again(replica)
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_slow_store_counts_and_one_that_is_too_slow_does_not(store: Valkey) -> None:
    with gate_to(store.url, is_of_answers=True) as gate:
        gate.delay_seconds = 0.05
        async with make_replicas(url_of(gate)) as [patient]:
            await patient.take(10)
            await patient.refusal(1)
            assert patient.failures == 0
        gate.delay_seconds = 2.0
        async with make_replicas(url_of(gate), store_seconds=0.5) as [replica]:
            assert await fails(replica)
            gate.delay_seconds = 0.0
            assert await counts_again(replica)


async def test_a_demoted_primary_is_left_for_its_successor(tmp_path: Path) -> None:
    """It still runs, keeps its connections, and refuses writes. Its address leads to another."""
    with primary_and_replica(tmp_path) as (primary, successor), gate_to(primary.url) as gate:
        async with make_replicas(url_of(gate)) as [replica]:
            await send_burst(replica, 4)  # over several connections
            wait_for_replica(primary)
            gate.lead_to(successor.port)
            promote(successor, instead_of=primary)
            await replica.take(1)  # in memory
            assert replica.failures == 1
            replica.clock.move(PAUSE_SECONDS + 0.1)
            await send_burst(replica, 6)  # the successor has the first four
            await replica.refusal(1)
            assert replica.failures == 1


@pytest.mark.slow
async def test_counts_survive_the_death_of_the_primary(tmp_path: Path) -> None:
    with primary_and_replica(tmp_path) as (primary, successor), gate_to(primary.url) as gate:
        async with make_replicas(url_of(gate), 2) as [one, other]:
            await one.take(4)
            wait_for_replica(primary)
            primary.stop()
            await one.take(10)  # in memory
            assert one.failures == 1
            promote(successor)
            gate.lead_to(successor.port)
            one.clock.move(PAUSE_SECONDS + 0.1)
            await one.take(3)
            await other.take(3)
            await other.refusal(1)
            assert (one.failures, other.failures) == (1, 0)


def url_of(gate: Gate) -> str:
    return gate.url.replace("http", "redis")


async def fails(replica: Replica) -> bool:
    """Whether its store is seen to fail: on a busy machine perhaps not at the first call."""
    for number in range(10):
        await replica.take(1, caller=Caller(issuer="hangs", subject=str(number)))
        if replica.failures:
            return True
    return False


async def counts_again(replica: Replica) -> bool:
    """Whether it does after some time: the store first answers earlier calls."""
    for number in range(20):
        replica.clock.move(PAUSE_SECONDS + 0.1)
        failures = replica.failures
        await replica.take(1, caller=Caller(issuer="again", subject=str(number)))
        if replica.failures == failures:
            return True
    return False
