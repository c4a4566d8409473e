"""MCP's released clients, in front of both stores that verify signatures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.mcp.serving import CLIENTS, Agents, Client, Session, Shell, connected, serve
from tests.support.stores import Store


@pytest.fixture(scope="session")
def agents(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    with serve(verifying_store, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    chosen: Client = request.param
    return chosen


@pytest.fixture
def session(client: Client, agents: Agents) -> Iterator[Session]:
    with connected(client, agents.url) as running:
        yield running


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
