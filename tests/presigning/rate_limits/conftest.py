"""Where URLs are counted."""

from collections.abc import Iterator

import pytest

from tests.presigning.rate_limits.redis_server import RedisServer


@pytest.fixture(name="store")
def _store() -> Iterator[RedisServer]:
    store = RedisServer()
    store.start()
    yield store
    store.stop()


@pytest.fixture(name="url", params=["memory", "redis"])
def _url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "memory":
        return None
    store: RedisServer = request.getfixturevalue("store")
    return store.url
