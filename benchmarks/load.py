"""Who asks: as fast as the answers come, or at a rate that does not care how long they take."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, cast

CONNECTIONS: Final = 16
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_END_OF_HEAD: Final = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """Sends a request at a time; `answered` is called for each, and a refusal ends the measurement."""

    def __init__(self, answered: Callable[["Connection"], None]) -> None:
        self._answered = answered
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.failed = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if _is_whole(self._received):
            if not self._received.startswith((b"HTTP/1.1 200", b"HTTP/1.1 307")):
                self.failed.set_exception(AssertionError(self._received[:2000].decode()))
            self._received = b""
            self._answered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.failed.done():
            self.failed.set_exception(exc or ConnectionError("it was closed"))
        self.failed.exception()


def _is_whole(received: bytes) -> bool:
    head, end, body = received.partition(_END_OF_HEAD)
    if not end:
        return False
    length = _LENGTH.search(head)
    assert length is not None, head
    return len(body) >= int(length[1])


async def closed(port: int, requests: Iterable[bytes], connections: int = CONNECTIONS) -> None:
    """Each connection sends its next as soon as it is answered."""
    waiting = iter(requests)
    done = asyncio.Event()
    idle = 0

    def advance(connection: Connection) -> None:
        nonlocal idle
        if (request := next(waiting, None)) is not None:
            connection.transport.write(request)
            return
        idle += 1
        if idle == connections:
            done.set()

    opened = [await _connected(port, advance) for _ in range(connections)]
    for connection in opened:
        advance(connection)
    await _until(done, opened)


async def at_a_rate(
    port: int, requests: list[bytes], rate: float, connections: int = 64
) -> list[float]:
    """The seconds from when each request was due to its answer: to wait for a connection counts."""
    latencies, due, done = list[float](), dict[Connection, float](), asyncio.Event()
    idle, queue = deque[Connection](), deque[tuple[float, bytes]]()

    def advance(connection: Connection) -> None:
        if (since := due.pop(connection, None)) is not None:
            latencies.append(time.perf_counter() - since)
            if len(latencies) == len(requests):
                done.set()
        idle.append(connection)
        send()

    def send() -> None:
        while idle and queue:
            connection = idle.popleft()
            due[connection], request = queue.popleft()
            connection.transport.write(request)

    opened = [await _connected(port, advance) for _ in range(connections)]
    idle.extend(opened)
    for moment, request in _paced(requests, rate):
        if (wait := moment - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        queue.append((moment, request))
        send()
    await _until(done, opened)
    return latencies


def _paced(requests: list[bytes], rate: float) -> Iterator[tuple[float, bytes]]:
    began = time.perf_counter()
    return ((began + number / rate, request) for number, request in enumerate(requests))


async def _connected(port: int, answered: Callable[[Connection], None]) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(answered), "127.0.0.1", port)
    return connection


async def _until(done: asyncio.Event, opened: list[Connection]) -> None:
    finished = asyncio.ensure_future(done.wait())
    failed = [connection.failed for connection in opened]
    await asyncio.wait([finished, *failed], return_when=asyncio.FIRST_COMPLETED, timeout=120)
    for failure in failed:
        if failure.done():
            failure.result()
    assert done.is_set(), "the answers did not come in time"
    for connection in opened:
        connection.transport.close()
