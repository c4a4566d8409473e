"""git-lfs as it is, in front of both stores that verify signatures."""

from collections.abc import Iterator

import pytest

from tests.clients.git_lfs.server import Server, serve
from tests.support.stores import Store


@pytest.fixture(scope="session")
def server(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(verifying_store, tmp_path_factory.mktemp("service")) as running:
        yield running
