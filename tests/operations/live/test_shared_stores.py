"""Whether the store of links keeps its data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError

from service.operations.live.dependencies import check_store
from tests.support.valkey import Valkey

AT: Final = ("links", "store_url")
KEEPS: Final = {"aof_enabled": 1, "maxmemory_policy": "noeviction"}


class FakeStore:
    def __init__(self, values: Mapping[str, Any] | Exception) -> None:
        self.values = values

    async def info(self, section: str) -> Mapping[str, Any]:
        if isinstance(self.values, Exception):
            raise self.values
        names = {"memory": "maxmemory_policy", "persistence": "aof_enabled"}
        return {name: self.values[name] for name in [names[section]]}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (KEEPS, [("works", "it keeps its data")]),
        ({**KEEPS, "aof_enabled": 0}, [
            ("error", "it has no append-only file, so a restart loses revocations; set appendonly yes"),
        ]),
        ({**KEEPS, "maxmemory_policy": "allkeys-lru"}, [
            ("error", "it may evict revocations (allkeys-lru); set maxmemory-policy noeviction"),
        ]),
        (NoPermissionError("canary"), [
            ("warning", "its settings could not be read: INFO was refused"),
        ]),
        (RedisConnectionError("canary"), [("error", "it cannot be reached: ConnectionError")]),
    ],
)  # fmt: skip
async def test_a_store_of_links_must_lose_nothing(
    values: Mapping[str, Any] | Exception, found: list[tuple[str, str]]
) -> None:
    results = await check_store(AT, FakeStore(values), must_keep=True)
    assert [(each.kind, each.message) for each in results] == found
    assert {each.path for each in results} == {AT}


async def test_a_store_of_rates_may_lose_them() -> None:
    loses = {"aof_enabled": 0, "maxmemory_policy": "allkeys-lru"}
    [result] = await check_store(AT, FakeStore(loses), must_keep=False)
    assert (result.kind, result.message) == ("works", "it answers")


async def test_a_valkey_says_how_it_is_configured(tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    valkey.start()
    try:
        async with Redis.from_url(valkey.url) as store:
            [good] = await check_store(AT, store, must_keep=True)
            await store.config_set("appendonly", "no")
            await store.config_set("maxmemory-policy", "allkeys-lru")
            wrong = await check_store(AT, store, must_keep=True)
    finally:
        valkey.stop()
    assert good.kind == "works"
    assert [each.kind for each in wrong] == ["error", "error"]
