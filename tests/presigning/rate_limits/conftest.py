"""Where URLs are counted."""

from collections.abc import Iterator

import pytest

from tests.support.valkey import Valkey


@pytest.fixture(scope="session", name="running_store")
def _running_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    store = Valkey(tmp_path_factory.mktemp("rate-limits"))
    store.start()
    yield store
    store.stop()


@pytest.fixture(name="store")
def _store(running_store: Valkey) -> Valkey:
    """It has counted nothing. A test may stop it."""
    running_store.start()
    with running_store.client() as client:
        client.flushall()
    return running_store


@pytest.fixture(name="url", params=["memory", "valkey"])
def _url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "memory":
        return None
    store: Valkey = request.getfixturevalue("store")
    return store.url
