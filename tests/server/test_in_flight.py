"""At most `max_in_flight` API requests are open; health checks are always answered."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.socket_server import (
    LIVEZ,
    RawClient,
    RunningServer,
    make_post,
    run_server,
    wait_until,
)

LIMIT = 3
READYZ = LIVEZ.replace(b"livez", b"readyz")
HELD = b"GET /v1/held HTTP/1.1\r\nhost: a\r\n\r\n"
NO_END = make_post("/v1/echo", b"hello")[:-1]
BODY = make_post("/v1/download-urls", b'{"bucket": "demo", "key": "a"}')


@pytest.fixture(name="limited")
def _limited() -> Iterator[RunningServer]:
    with run_server(max_in_flight=LIMIT) as server:
        yield server


def fill(server: RunningServer, stack: ExitStack, request: bytes) -> list[RawClient]:
    clients = [stack.enter_context(server.connect()) for _ in range(LIMIT)]
    for client in clients:
        client.send(request)
    wait_until(lambda: server.tasks == LIMIT)
    return clients


@pytest.mark.parametrize("held", [HELD, NO_END], ids=["handlers", "bodies"])
def test_one_request_too_many_gets_503_at_once(limited: RunningServer, held: bytes) -> None:
    with ExitStack() as stack, limited.connect() as client:
        clients = fill(limited, stack, held)
        for request in (
            HELD,
            make_post("/v1/echo", b"hello"),
            make_post("/v1/unknown", b"x" * 100_000),
        ):
            answer = client.request(request)
            assert (answer.status, answer.code) == (503, "overloaded")
            assert answer.headers["retry-after"] == "1"
        for health in (LIVEZ, READYZ):
            assert client.request(health).status == 200
        limited.hold.set()
        for each in clients:
            assert each.request(b"" if held is HELD else b"o").status == 200
        for each in [*clients, client]:
            assert each.request(make_post("/v1/echo", b"hello")).status == 200


def close(client: RawClient) -> None:
    client.socket.close()


def send_garbage(client: RawClient) -> None:
    client.send(b"o" + b"garbage\r\n\r\n")
    client.answer()


@pytest.mark.parametrize("disconnect", [close, send_garbage])
def test_a_client_that_disconnects_frees_a_place(
    limited: RunningServer, disconnect: Callable[[RawClient], None]
) -> None:
    with ExitStack() as stack, limited.connect() as client:
        clients = fill(limited, stack, NO_END)
        disconnect(clients[0])
        wait_until(lambda: limited.tasks < LIMIT)
        assert client.request(make_post("/v1/echo", b"hello")).status == 200
        client.send(NO_END)
        wait_until(lambda: limited.tasks == LIMIT)
        clients[1].send(b"o" + HELD)
        assert clients[1].answer().status == 200


def test_a_pipelined_request_takes_no_place_while_it_waits(limited: RunningServer) -> None:
    with limited.connect() as client, limited.connect() as other:
        client.send(HELD * 10)
        wait_until(lambda: limited.tasks == 1)
        assert other.request(make_post("/v1/echo", b"hello")).status == 200
        limited.hold.set()
        assert [client.answer().status for _ in range(10)] == [200] * 10


def test_slow_bodies_do_not_block_complete_requests() -> None:
    """Even when no place is left for incomplete bodies."""
    head, rest = BODY[:-1], BODY[-1:]
    with run_server(max_in_flight=8) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(8)]
        for client in clients:
            client.send(head)
        refused = [client for client in clients if not client.is_silent(0.5)]
        assert len(clients) - len(refused) == 2  # one caller has half of the half for bodies
        for client in refused:
            assert (answer := client.answer()).code == "overloaded"
            assert answer.headers["retry-after"] == "1"
        with server.connect() as client:
            for _ in range(3):
                assert client.request(BODY).status == 200
        for client in clients:
            if client not in refused:
                assert client.request(rest).status == 200
