"""A server that answers each request without an end, from threads: only sending takes their time.

`python -m tests.support.flooding` prints its URL and sends all floods in turn, until it reads a line.
"""

import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Final

CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
# What is sent first, and then again and again.
FLOODS: Final = {
    "interim responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
    "a header": (b"HTTP/1.1 200 OK\r\na: ", b"b" * 64),
    "responses that nobody asked for": (b"", b"HTTP/1.1 204 No Content\r\n\r\n"),
    "a chunk's extensions": (CHUNKED + b"1", b";a=b"),
    "tiny chunks": (CHUNKED, b"1\r\n \r\n"),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", b" "),
    "a body without an end": (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
}
_BLOCK: Final = 1024**2
_MOST: Final = 300  # blocks of a connection


@dataclass
class FloodingServer:
    """`sent` has the bytes that each connection took. The floods take turns."""

    floods: Sequence[tuple[bytes, bytes]]
    sent: list[int] = field(default_factory=list)
    origin: str = ""

    def serve(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        threads = list[Thread]()
        with suppress(OSError):  # the listener is closed at the end
            while True:
                connection, _ = listener.accept()
                threads.append(Thread(target=self._answer, args=(connection, tls)))
                threads[-1].start()
        for thread in threads:
            thread.join()

    def _answer(self, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
        connection.settimeout(20)
        index = len(self.sent)
        self.sent.append(0)
        first, again = self.floods[index % len(self.floods)]
        block = again * (_BLOCK // len(again))
        with suppress(OSError), connection:
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                connection.recv(65536)
                connection.sendall(first)
                for _ in range(_MOST):
                    connection.sendall(block)
                    self.sent[index] += len(block)


@contextmanager
def flooding(*floods: str, tls: ssl.SSLContext | None = None) -> Iterator[FloodingServer]:
    server = FloodingServer([FLOODS[flood] for flood in floods])
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        scheme = "https" if tls else "http"
        server.origin = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        thread = Thread(target=server.serve, args=(listener, tls))
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


if __name__ == "__main__":
    with flooding(*FLOODS) as flooding_server:
        sys.stdout.write(f"{flooding_server.origin}\n")
        sys.stdout.flush()
        sys.stdin.readline()
