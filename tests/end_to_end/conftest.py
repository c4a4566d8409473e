"""Each store is started once, when it is first asked for, and runs until the last test is done."""

import os
from collections.abc import Iterator

import pytest

from tests.end_to_end import stores
from tests.end_to_end.service import Service, serving
from tests.end_to_end.stores import Store


@pytest.fixture(scope="session", autouse=True)
def bare_environment() -> Iterator[None]:
    """Nobody's profile, endpoints or proxies lead a client in these tests elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_") or name.lower().endswith("_proxy"):
                patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


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


@pytest.fixture(scope="session", params=["moto", "ministack", "seaweedfs"])
def store(request: pytest.FixtureRequest) -> Store:
    running: Store = request.getfixturevalue(request.param)
    return running


@pytest.fixture(scope="session", params=["ministack", "seaweedfs"])
def verifying_store(request: pytest.FixtureRequest) -> Store:
    running: Store = request.getfixturevalue(request.param)
    return running


@pytest.fixture(scope="session")
def service(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service in front of `store`."""
    with serving(store, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="session")
def verifying_service(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with serving(verifying_store, tmp_path_factory.mktemp("service")) as running:
        yield running
