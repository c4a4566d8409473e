"""A TCP proxy to a store that can be shut, so that a test can stop a client half way.

It forwards bytes unchanged, and signatures stay valid: the gate's own host is signed, which the
client sends.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread
from urllib.parse import urlsplit

CHUNK_BYTES = 64 * 1024
PATIENCE_SECONDS = 60


class Gate:
    """Each connection has two threads, which end with it.

    What it counts, holds and flips are the bytes to the store, or those from it if `is_of_answers`.
    """

    def __init__(self, store_url: str, *, is_of_answers: bool = False) -> None:
        self._is_of_answers = is_of_answers
        store = urlsplit(store_url)
        self._store = (store.hostname, store.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._changed = Condition()
        self._left: int | None = None  # bytes that may still go to the store; None: all
        self._held = 0
        self._sockets: set[socket.socket] = set()
        self._flip_at: int | None = None
        self.passed = 0  # bytes forwarded, including late ones
        self.delay_seconds = 0.0  # before each chunk

    def shut(self, *, after: int = 0) -> None:
        """Forward only `after` more bytes, plus the chunk that exceeds them."""
        with self._changed:
            self._left = after

    def flip(self, *, at: int) -> None:
        """Invert the byte after so many more."""
        with self._changed:
            self._flip_at = self.passed + at

    def wait_until_held(self, connections: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._held >= connections, PATIENCE_SECONDS)

    def lead_to(self, port: int) -> None:
        """Forward new connections to this port, as an address whose server was replaced."""
        self._store = (self._store[0], port)

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
            there, back = (_as_it_is, self._pass)[:: 1 if self._is_of_answers else -1]
            answers = Thread(target=_carry, args=[store, client, back], daemon=True)
            answers.start()
            _carry(client, store, there)
            answers.join()
            with self._changed:
                self._sockets -= ends

    def _pass(self, chunk: bytes) -> bytes:
        time.sleep(self.delay_seconds)
        with self._changed:
            self._held += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._left is None or self._left > 0)
            self._held -= 1
            before, self.passed = self.passed, self.passed + len(chunk)
            if self._left is not None:
                self._left -= len(chunk)
            if self._flip_at is None or not before <= self._flip_at < self.passed:
                return chunk
            position, self._flip_at = self._flip_at - before, None
        flipped = bytes([chunk[position] ^ 0xFF])
        return chunk[:position] + flipped + chunk[position + 1 :]


def _as_it_is(chunk: bytes) -> bytes:
    return chunk


def _carry(here: socket.socket, there: socket.socket, pass_: Callable[[bytes], bytes]) -> None:
    with suppress(OSError):
        while chunk := here.recv(CHUNK_BYTES):
            there.sendall(pass_(chunk))
    _shut_down(here)
    _shut_down(there)


def _shut_down(each: socket.socket) -> None:
    with suppress(OSError):  # it is already shut down
        each.shutdown(socket.SHUT_RDWR)


@contextmanager
def gate_to(store_url: str, *, is_of_answers: bool = False) -> Iterator[Gate]:
    gate = Gate(store_url, is_of_answers=is_of_answers)
    Thread(target=gate.serve, daemon=True).start()
    try:
        yield gate
    finally:
        gate.close()
