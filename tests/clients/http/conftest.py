"""Unmodified HTTP clients against object URLs, in front of both stores that verify signatures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.http.places import Place, install_httpfs, place_of, write_netrc
from tests.support.stores import Store


@pytest.fixture(scope="session")
def place(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_of(verifying_store, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's home, where DuckDB finds its extension."""
    directory = tmp_path_factory.mktemp("home")
    install_httpfs(directory)
    return directory


@pytest.fixture(scope="session")
def netrc(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.netrc` in a home of its own: clients that find one use it instead of what they are given."""
    return write_netrc(tmp_path_factory.mktemp("netrc"), place.url)
