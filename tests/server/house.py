"""The whole app behind a real socket, with bounds that a test can wait for, and a client of bytes."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Self

from fastapi import FastAPI, Request, Response

from service.app.factory import create_app
from service.errors import Forbidden
from service.protocols.uppy.errors import Refusal
from service.server.limits import ConnectionLimits
from service.server.protocol import TimeoutProtocol
from service.server.run import Server, uvicorn_config
from service.server.shutdown import Drain
from tests.api.conftest import ADDRESS, API_KEY, given_sources, open_grant, settings_with

PATIENCE: Final = 30.0  # seconds, for a machine that is busy with something else
LIVEZ: Final = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n"
# So long that none but the one that is tested ends a connection.
NEVER: Final = 60.0


def bounds(**given: Any) -> ConnectionLimits:
    long = ("head_seconds", "body_seconds", "write_seconds", "linger_seconds")
    return ConnectionLimits(**{**dict.fromkeys(long, NEVER), "shutdown_idle_seconds": 0.0, **given})


@dataclass
class House:
    """The service in a thread of its own. What asks for /held or /v1/held waits for `hold`."""

    server: Server
    drain: Drain
    address: tuple[str, int]
    hold: threading.Event = field(default_factory=threading.Event)
    timers: list[bool] = field(default_factory=list)  # at each request to /timers: was one armed

    def connect(self, *, receive_buffer: int | None = None) -> "CoalescingTransport":
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(PATIENCE)
        sock.connect(self.address)
        return CoalescingTransport(sock)

    @property
    def protocols(self) -> list[TimeoutProtocol]:
        connections = list(self.server.server_state.connections)  # another thread changes them
        return [each for each in connections if isinstance(each, TimeoutProtocol)]


@contextmanager
def serving(limits: ConnectionLimits | None = None, **server: Any) -> Iterator[House]:
    drain = Drain()
    settings = settings_with(open_grant(), server=server)
    app = create_app(
        settings,
        addresses=dict.fromkeys(settings.buckets, ADDRESS),
        open_sources=given_sources(),
        audit=lambda _lines: None,
        drain=drain,
    )
    configuration = uvicorn_config(
        app, host="127.0.0.1", port=0, drain=drain, limits=limits or bounds()
    )
    house = House(Server(configuration, drain=drain, drain_seconds=NEVER), drain, ("", 0))
    _add_routes(app, house)
    thread = threading.Thread(target=house.server.run)
    thread.start()
    try:
        until(lambda: house.server.started)
        house.address = house.server.servers[0].sockets[0].getsockname()
        yield house
    finally:
        house.hold.set()
        house.server.should_exit = True
        thread.join(PATIENCE)


def _add_routes(app: FastAPI, house: House) -> None:
    async def held() -> str:
        await asyncio.to_thread(house.hold.wait)
        return "released"

    async def echoed(request: Request) -> str:
        return (await request.body()).decode()

    async def headers(request: Request) -> list[str]:
        await request.body()
        return [name.decode() for name, _ in request.scope["headers"]]

    async def sized(size: int) -> str:
        return "x" * size

    async def timers() -> str:
        house.timers.extend(p._deadline is not None for p in house.protocols)
        return ""

    async def refused() -> Refusal:
        return Refusal(Forbidden(), "request-1")

    async def header(name: str) -> Response:
        answer = Response("ok")
        answer.raw_headers.append((name.encode(), b"close"))
        return answer

    app.add_api_route("/refused", refused, response_model=None)
    app.add_api_route("/header/{name}", header)
    app.add_api_route("/held", held)
    app.add_api_route("/v1/held", held)
    app.add_api_route("/sized/{size}", sized)
    app.add_api_route("/echo", echoed, methods=["POST"])
    app.add_api_route("/v1/echo", echoed, methods=["POST"])
    app.add_api_route("/headers", headers, methods=["POST"])
    app.add_api_route("/timers", timers, methods=["GET", "POST"])


def until(condition: Any, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Of a problem, once it is seen to be one, with the headers of every reply."""
        problem = json.loads(self.body)
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["x-request-id"] == problem["request_id"]
        assert self.headers["cache-control"] == "no-store"
        assert self.headers["referrer-policy"] == "no-referrer"
        assert self.headers["x-content-type-options"] == "nosniff"
        assert "date" in self.headers
        assert problem["status"] == self.status
        code: str = problem["code"]
        assert problem["type"] == f"urn:presign:problem:{code}"
        return code


class CoalescingTransport:
    """A client that sends what it is told to, and no more."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._unread = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drip(self, data: bytes, pause: float) -> None:
        """A byte now and then, for as long as somebody takes it."""
        with suppress(OSError):
            for byte in data:
                self.send(bytes([byte]))
                if self._is_over(pause):
                    return

    def answer(self, *, to_head: bool = False) -> Answer:
        head = self._until(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        size = 0 if to_head else int(headers.get("content-length", "0"))
        while len(self._unread) < size:
            self._read()
        return Answer(int(lines[0].split()[1]), headers, self._take(size))

    def ends(self) -> bool:
        """Whether the connection ends in good order, with nothing more said."""
        return not (self._unread or self.socket.recv(1))

    def is_open(self) -> bool:
        return not self._is_over(0)

    def is_silent(self, seconds: float) -> bool:
        """Whether nothing is answered within so many seconds."""
        return not self._is_over(seconds)

    def _is_over(self, seconds: float) -> bool:
        """Whether there is something to read within so many seconds: an answer, or the end."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) is not None
        except (TimeoutError, BlockingIOError):
            return False
        finally:
            self.socket.settimeout(PATIENCE)

    def _until(self, end: bytes) -> bytes:
        while end not in self._unread:
            self._read()
        return self._take(self._unread.index(end) + len(end)).removesuffix(end)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken

    def _read(self) -> None:
        data = self.socket.recv(65536)
        assert data, f"it ended after {self._unread!r}"
        self._unread += data


def post(path: str, body: bytes = b"", *headers: str) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        "host: a",
        f"authorization: Bearer {API_KEY}",
        f"content-length: {len(body)}",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
