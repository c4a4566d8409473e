"""How many bytes a request, its answer and its audit line have: over a socket, of the service in its own process."""

import re
import socket
from pathlib import Path
from typing import Final

from benchmarks import asking
from benchmarks.targets import API_KEY, Target, bucket_of

TOKEN_LENGTH: Final = 352
BATCHES: Final = (10, 100, 1000)
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


def measure(service: Target, trail: Path) -> dict[str, list[int]]:
    """Of each kind the bytes of the request, of the answer and of what is written to `trail`."""
    bucket = bucket_of(TOKEN_LENGTH)
    kinds = {
        "get": asking.downloads(1, bucket, API_KEY),
        "upload": asking.uploads(1, bucket, API_KEY),
        "form": asking.forms(1, bucket, API_KEY),
        **{f"batch {size}": asking.batches(1, size, bucket, API_KEY) for size in BATCHES},
    }
    return {kind: _of(service.port, request, trail) for kind, [request] in kinds.items()}


def _of(port: int, request: bytes, trail: Path) -> list[int]:
    before = trail.stat().st_size  # a line is written before its request is answered
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answered = _answer(connection)
    return [len(request), answered, trail.stat().st_size - before]


def _answer(connection: socket.socket) -> int:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    assert received.startswith(b"HTTP/1.1 200"), received[:2000]
    head, _, body = received.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    assert length is not None, head
    missing = int(length[1]) - len(body)
    while missing > 0:
        missing -= len(_more(connection))
    return len(head) + 4 + int(length[1])


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(1 << 20)
    assert received, "the service closed the connection"
    return received
