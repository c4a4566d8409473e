"""MLflow as it is, in front of both stores that verify signatures."""

from collections.abc import Iterator

import pytest

from tests.clients.mlflow.server import Server, Tracking, serve, tracking_server
from tests.end_to_end.conftest import ministack, seaweedfs, verifying_store
from tests.support.processes import free_ports
from tests.support.stores import Store

__all__ = ["ministack", "seaweedfs", "verifying_store"]  # fixtures, found by name


@pytest.fixture(scope="session")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracking]:
    """MLflow's server without a key of any kind."""
    [port], directory = free_ports(1), tmp_path_factory.mktemp("mlflow")
    with tracking_server(directory, port, "root mlflow-artifacts://") as running:
        yield running


@pytest.fixture(scope="session")
def server(
    verifying_store: Store, tracking: Tracking, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serve(verifying_store, tmp_path_factory.mktemp("service"), tracking) as running:
        yield running
