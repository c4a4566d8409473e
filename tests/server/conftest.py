"""One server for all tests of a file that need no limits of their own."""

from collections.abc import Iterator

import pytest

from tests.support.socket_server import RawClient, RunningServer, run_server


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[RunningServer]:
    with run_server() as server:
        yield server


@pytest.fixture(name="client")
def _client(server: RunningServer) -> Iterator[RawClient]:
    with server.connect() as client:
        yield client
