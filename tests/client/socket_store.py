"""A store, or a proxy, behind a real socket: a test says what each connection does."""

import re
import socket
import ssl
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fcntl import ioctl
from itertools import count
from termios import TIOCOUTQ
from threading import Thread
from time import sleep

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345"
Answer = Callable[["Connection", int], None]  # of which request it is, from 0


@dataclass
class Connection:
    socket: socket.socket
    head: str = ""  # of the current request
    body: bytes = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def end(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """End it with an error, once all that was sent has arrived."""
        while int.from_bytes(ioctl(self.socket.fileno(), TIOCOUTQ, bytes(4)), sys.byteorder):
            sleep(0.001)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@dataclass
class SocketStore:
    """`requests` has the heads of all requests, and `connections` their number."""

    url: str
    requests: list[str] = field(default_factory=list)
    connections: int = 0


@contextmanager
def store_that(
    answer: Answer,
    context: ssl.SSLContext | None = None,
    *,
    reads_bodies: bool = True,
    host: str = "127.0.0.1",
) -> Iterator[SocketStore]:
    """Yield a store that does `answer` for each request."""
    is_ipv6 = ":" in host
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        scheme, place = "https" if context else "http", f"[{host}]" if is_ipv6 else host
        store = SocketStore(f"{scheme}://{place}:{listener.getsockname()[1]}")
        numbers = count()

        def serve(client: socket.socket) -> None:
            with suppress(OSError), client:
                wrapped = context.wrap_socket(client, server_side=True) if context else client
                connection = Connection(wrapped)
                with wrapped:
                    while _read(connection, reads_bodies=reads_bodies):
                        store.requests.append(connection.head)
                        answer(connection, next(numbers))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    store.connections += 1
                    Thread(target=serve, args=[client], daemon=True).start()

        Thread(target=accept, daemon=True).start()
        yield store
        listener.shutdown(socket.SHUT_RDWR)  # ends the thread's accept


def sends(data: bytes) -> Answer:
    return lambda connection, _: connection.send(data)


def _read(connection: Connection, *, reads_bodies: bool) -> bool:
    """Read a request. False: there is none."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += (chunk := connection.socket.recv(65536))
        if not chunk:
            return False
    head, _, body = received.partition(b"\r\n\r\n")
    connection.head = head.decode()
    length = re.search(r"content-length: (\d+)", connection.head.lower())
    while reads_bodies and length and len(body) < int(length[1]):
        body += (chunk := connection.socket.recv(65536))
        if not chunk:
            return False
    connection.body = body
    return True
