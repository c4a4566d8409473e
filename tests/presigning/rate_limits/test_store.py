"""A store that replicas share, over a real socket. `test_calls.py` has its failures, in virtual time."""

import asyncio
import gc
import logging

import pytest

from service.access.grants import Caller
from service.concurrency.store_calls import MAX_CALLS, PAUSE_SECONDS
from service.config.server import ServerSettings
from service.errors import ConfigurationError
from tests.presigning.rate_limits.redis_server import (
    OTHER,
    PASSWORD,
    RedisServer,
    Replica,
    make_replicas,
    send_burst,
    wait_until,
)


async def test_replicas_of_one_store_share_the_count(store: RedisServer) -> None:
    async with make_replicas(store.url, 2) as [one, other]:
        await one.take(6)
        await other.take(4)
        await one.refusal(1)
        await other.refusal(1)


async def test_while_a_store_is_down_each_replica_counts_in_memory(
    store: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with make_replicas(store.url) as [replica]:
        await replica.take(10)
        store.stop()
        await replica.take(10)
        store.start()
        await replica.refusal(1)  # though it is back: nobody has looked
        assert replica.failures == 2
        replica.clock.move(PAUSE_SECONDS + 0.1)
        await replica.take(10)  # a new store, which has forgotten
        await replica.refusal(1)
        assert replica.failures == 2
    told = [record.getMessage() for record in caplog.records if record.name.startswith("service")]
    assert told == ["the rate limit store fails; it is called again in 5 s: ConnectionError"]


async def test_a_store_that_hangs_is_left_alone_until_it_answers(
    store: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with make_replicas(store.url, store_seconds=1.0) as [replica]:
        store.server.answers.clear()
        assert await fails(replica)
        failures = replica.failures
        await send_burst(replica, 50)  # at once, or it would take 3 s
        assert replica.failures == failures + 50
        names = [each.name for each in caplog.records]
        assert names.count("service.concurrency.store_calls") == 1
        store.server.answers.set()
        assert await counts_again(replica)
    gc.collect()
    assert "never retrieved" not in caplog.text


async def fails(replica: Replica) -> bool:
    """Whether its store is seen to fail: on a machine that is busy, perhaps not at the first call."""
    for number in range(10):
        await replica.take(1, caller=Caller(issuer="hangs", subject=str(number)))
        if replica.failures:
            return True
    return False


async def counts_again(replica: Replica) -> bool:
    """Whether it does after some time: fakeredis first answers all who have gone."""
    for number in range(20):
        replica.clock.move(PAUSE_SECONDS + 0.1)
        failures = replica.failures
        await replica.take(1, caller=Caller(issuer="again", subject=str(number)))
        if replica.failures == failures:
            return True
    return False


async def test_a_cancelled_call_leaves_no_response_for_the_next(store: RedisServer) -> None:
    """Else the next would read it as its own."""
    async with make_replicas(store.url) as [replica]:
        await replica.take(1)
        for _ in range(20):
            going = asyncio.ensure_future(replica.take(1, caller=OTHER))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
        await replica.take(9)
        await replica.refusal(1)
        assert replica.failures == 0


async def test_connections_to_redis_are_few_and_close_with_the_service(store: RedisServer) -> None:
    async with make_replicas(store.url) as [replica]:
        await send_burst(replica)
        assert 0 < store.connections() <= MAX_CALLS
    await wait_until(lambda: store.connections() == 0)


@pytest.mark.parametrize("url", ["redis://limits", "redis://limits:6379/1", "rediss://limits:1"])
async def test_a_port_need_not_be_named(url: str) -> None:
    async with make_replicas(url) as [replica]:
        assert replica.failures == 0


def test_the_error_for_an_invalid_url_hides_its_password() -> None:
    with pytest.raises(ConfigurationError) as told:
        Replica(f"redis://:{PASSWORD}/x@limits:6379")
    assert "server.rate_limit_url" in str(told.value)
    assert PASSWORD not in str(told.value)


async def test_the_stores_password_is_never_shown(
    store: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = store.url.replace("//", f"//presign:{PASSWORD}@")
    settings = ServerSettings.model_validate({"rate_limit_url": url})
    assert settings.rate_limit_url is not None
    assert settings.rate_limit_url.get_secret_value() == url
    assert PASSWORD not in f"{settings!r} {settings} {settings.model_dump_json()}"
    async with make_replicas(url) as [replica]:
        store.stop()
        await replica.take(1)
        assert PASSWORD not in repr(replica.limits)
    assert replica.failures == 1
    assert PASSWORD not in caplog.text
