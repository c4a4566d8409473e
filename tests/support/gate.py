"""A TCP proxy to a store that can be shut, so that a test can stop a client half way.

It forwards bytes unchanged, and signatures stay valid: the gate's own host is signed, which the
client sends.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread
from urllib.parse import urlsplit

CHUNK_BYTES = 64 * 1024
PATIENCE_SECONDS = 60


class Gate:
    """Each connection has two threads, which end with it."""

    def __init__(self, store_url: str) -> None:
        store = urlsplit(store_url)
        self._store = (store.hostname, store.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._changed = Condition()
        self._left: int | None = None  # bytes that may still go to the store; None: all
        self._held = 0
        self._sockets: set[socket.socket] = set()
        self.passed = 0  # bytes forwarded to the store, including late ones

    def shut(self, *, after: int = 0) -> None:
        """Forward only `after` more bytes, plus the chunk that exceeds them."""
        with self._changed:
            self._left = after

    def wait_until_held(self, connections: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._held >= connections, PATIENCE_SECONDS)

    def cut(self) -> None:
        """Close all connections."""
        with self._changed:
            for each in self._sockets:
                _shut_down(each)

    def open(self) -> None:
        with self._changed:
            self._left = None
            self._changed.notify_all()

    def serve(self) -> None:
        """Accept connections until the gate is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._connect, args=[client], daemon=True).start()

    def close(self) -> None:
        self.open()
        _shut_down(self._listener)  # wakes `accept`; closing would not
        self._listener.close()
        self.cut()

    def _connect(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._store) as store:
            ends = {client, store}
            with self._changed:
                self._sockets |= ends
            back = Thread(target=_carry, args=[store, client], daemon=True)
            back.start()
            _carry(client, store, self._pass)
            back.join()
            with self._changed:
                self._sockets -= ends

    def _pass(self, count: int) -> None:
        with self._changed:
            self._held += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._left is None or self._left > 0)
            self._held -= 1
            self.passed += count
            if self._left is not None:
                self._left -= count


def _carry(
    here: socket.socket, there: socket.socket, pass_: Callable[[int], None] = lambda _: None
) -> None:
    with suppress(OSError):
        while chunk := here.recv(CHUNK_BYTES):
            pass_(len(chunk))
            there.sendall(chunk)
    _shut_down(here)
    _shut_down(there)


def _shut_down(each: socket.socket) -> None:
    with suppress(OSError):  # it is already shut down
        each.shutdown(socket.SHUT_RDWR)


@contextmanager
def gate_to(store_url: str) -> Iterator[Gate]:
    gate = Gate(store_url)
    Thread(target=gate.serve, daemon=True).start()
    try:
        yield gate
    finally:
        gate.close()
