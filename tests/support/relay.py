"""A server on loopback that passes connections on to another one, or closes them at once."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from urllib.parse import urlsplit


@dataclass
class Relay:
    """While `is_down`, each new connection is closed."""

    url: str
    is_down: bool = False


@contextmanager
def relaying(url: str) -> Iterator[Relay]:
    """Yield a relay to the server at `url`."""
    target = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(f"http://127.0.0.1:{listener.getsockname()[1]}")
        Thread(
            target=_accept, args=(relay, listener, (target.hostname, target.port)), daemon=True
        ).start()
        yield relay
        listener.shutdown(socket.SHUT_RDWR)  # ends the thread's accept


def _accept(relay: Relay, listener: socket.socket, target: tuple[str, int]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        if relay.is_down:
            client.close()
            continue
        server = socket.create_connection(target)
        for source, sink in ((client, server), (server, client)):
            Thread(target=_copy, args=(source, sink, relay), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket, relay: Relay) -> None:
    with suppress(OSError):
        while (chunk := source.recv(65_536)) and not relay.is_down:
            sink.sendall(chunk)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
