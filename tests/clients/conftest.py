"""The stores, which all clients share.

Each generated client is made once, and runs against the service as it is and as it may grow.
"""

from collections.abc import Iterator

import pytest

from tests.clients.growing import growing
from tests.clients.making import CLIENTS, Client, Made
from tests.end_to_end.conftest import ministack, seaweedfs, verifying_store
from tests.support.service import RunningService, run_service
from tests.support.stores import Store

__all__ = ["ministack", "seaweedfs", "verifying_store"]  # fixtures, found by name


@pytest.fixture(scope="session")
def service(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with run_service(ministack, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="session")
def grown_url(service: RunningService) -> Iterator[str]:
    """The URL of the service with an additional field in each object of its answers."""
    with growing(str(service.client.base_url)) as url:
        yield url


@pytest.fixture(scope="session", params=CLIENTS, ids=lambda client: client.label)
def client(request: pytest.FixtureRequest) -> Client:
    chosen: Client = request.param
    return chosen


@pytest.fixture(scope="session")
def made(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return client.make(tmp_path_factory.mktemp("client"))
