"""MLflow as it is, in front of both stores that verify signatures."""

from collections.abc import Iterator

import pytest

from tests.auth.mint import make_token
from tests.clients.mlflow.server import Server, Tracking, serve, tracking_server
from tests.support.processes import free_ports
from tests.support.stores import Store


@pytest.fixture(scope="session")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracking]:
    """MLflow's server without a key of any kind."""
    [port], directory = free_ports(1), tmp_path_factory.mktemp("mlflow")
    with tracking_server(directory, port, "root mlflow-artifacts://") as running:
        yield running


@pytest.fixture(scope="session")
def tracking_with_page(
    tracking: Tracking, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tracking]:
    """MLflow's server with a key of its own, so that its page shows artifacts."""
    directory, key = tmp_path_factory.mktemp("page"), make_token(team="vision")
    with tracking_server(directory, tracking.port, "root https://", KEY_OF_THE_PAGE=key) as running:
        yield running


@pytest.fixture(scope="session")
def server(
    verifying_store: Store, tracking: Tracking, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serve(verifying_store, tmp_path_factory.mktemp("service"), tracking) as running:
        yield running
