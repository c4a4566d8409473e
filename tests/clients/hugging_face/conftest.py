"""The Hub's clients as they are, in front of both stores that verify signatures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.hugging_face.hub import VERSIONS, Hub, Program, serve
from tests.support.stores import Store


@pytest.fixture(scope="session")
def hub(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with serve(verifying_store, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(params=VERSIONS, ids=lambda version: f"version {version}")
def program(hub: Hub, request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    hub.recorded.requests.clear()
    return Program(hub=hub, version=request.param, directory=tmp_path)
