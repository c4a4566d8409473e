"""What only a real connection can send: a body that ends early, and dots in a path."""

from collections.abc import Iterator
from typing import Final

import pytest

from service.api.shutdown import Drain
from service.app.environment import Environment
from service.app.factory import create_app
from tests.protocols.build_caches.harness import NX, TRUSTED, TURBO, settings
from tests.protocols.mlflow.harness import MlflowStore
from tests.support.app import ADDRESS, API_KEY, make_fixed_sources
from tests.support.socket_server import RunningServer, run_app_on_socket, wait_until

LINES: Final[list[bytes]] = []


@pytest.fixture(name="server")
def _server() -> Iterator[RunningServer]:
    LINES.clear()
    configured, drain = settings(), Drain()
    environment = Environment(
        drain=drain,
        write_audit=LINES.extend,
        open_sources=make_fixed_sources(),
        store_transport=MlflowStore(),
    )
    app = create_app(configured, dict.fromkeys(configured.buckets, ADDRESS), environment)
    with run_app_on_socket(app, drain) as server:
        yield server


def head(method: str, path: str, length: int = 0) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: a",
        f"authorization: Bearer {API_KEY}",
        "content-type: application/octet-stream",
        f"content-length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("path", [NX, TURBO])
def test_an_upload_that_is_cut_off_signs_nothing(server: RunningServer, path: str) -> None:
    with server.connect() as client:
        client.send(head("PUT", f"{path}/abc", 1000) + b"x" * 10)
        wait_until(lambda: server.tasks == 1)
    wait_until(lambda: not server.protocols and server.tasks == 0)
    assert LINES == []


def test_a_long_body_is_answered_before_it_ends(server: RunningServer) -> None:
    with server.connect() as client:
        client.send(head("PUT", f"{NX}/abc", 40 * 1024**2) + b"x" * 10)
        answer = client.answer()
    assert (answer.status, answer.headers["connection"]) == (307, "close")
    assert f"/{TRUSTED}nx/abc?" in answer.headers["location"]


@pytest.mark.parametrize("text", ["..", "../../v1/cache/abc", "./abc", "abc/..", "a.b"])
def test_no_dots_in_a_path_reach_the_store(server: RunningServer, text: str) -> None:
    for path, status in ((TURBO, 400), (NX, 404)):
        with server.connect() as client:
            assert client.request(head("GET", f"{path}/{text}")).status == status
