"""MLflow as it is, in front of both stores that verify signatures."""

from collections.abc import Iterator

import pytest

from tests.clients.mlflow.server import Server, serve
from tests.end_to_end.conftest import ministack, seaweedfs, verifying_store
from tests.support.stores import Store

__all__ = ["ministack", "seaweedfs", "verifying_store"]  # fixtures, found by name


@pytest.fixture(scope="session")
def server(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(verifying_store, tmp_path_factory.mktemp("service")) as running:
        yield running
