"""Each store is started once, at its first use, and runs until the last test is done."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.end_to_end.diagnosis_client import DiagnosisClient
from tests.support import stores
from tests.support.service import RunningService, run_service
from tests.support.stores import Store


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with stores.moto(tmp_path_factory.mktemp("moto")) as store:
        yield store


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with stores.ministack(tmp_path_factory.mktemp("ministack")) as store:
        yield store


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with stores.seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as store:
        yield store


# moto verifies no signature, so `make test` leaves its turn to `make test-slow`.
@pytest.fixture(
    scope="session",
    params=[pytest.param("moto", marks=pytest.mark.slow), "ministack", "seaweedfs"],
)
def store(request: pytest.FixtureRequest) -> Store:
    running: Store = request.getfixturevalue(request.param)
    return running


@pytest.fixture(scope="session", params=["ministack", "seaweedfs"])
def verifying_store(request: pytest.FixtureRequest) -> Store:
    running: Store = request.getfixturevalue(request.param)
    return running


@pytest.fixture(scope="session")
def service(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service in front of `store`."""
    with run_service(store, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="session")
def verifying_service(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    with run_service(verifying_store, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(name="client")
def _client(verifying_store: Store, verifying_service: RunningService) -> DiagnosisClient:
    return DiagnosisClient(store=verifying_store, service=verifying_service)


@pytest.fixture(name="name")
def _name() -> str:
    return f"{uuid4().hex}.txt"


@pytest.fixture(name="key")
def _key(name: str) -> str:
    return f"keys/{name}"
