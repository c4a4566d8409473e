"""The app on a real socket, with limits that a test can wait for, and a client that sends bytes."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Self

from fastapi import FastAPI, Request, Response

from service.api.discarding import discard_body
from service.api.request_state import state_of
from service.api.shutdown import Drain
from service.app.environment import Environment
from service.app.factory import PresignApp, create_app
from service.errors import Forbidden
from service.protocols.uppy.routes import refusal
from service.server.limits import ConnectionLimits
from service.server.protocol import TimeoutProtocol
from service.server.run import Server, uvicorn_config
from tests.support.app import (
    ADDRESS,
    API_KEY,
    make_app_settings,
    make_fixed_sources,
    make_open_grant,
)

PATIENCE: Final = 30.0  # seconds, for a busy machine
NEVER: Final = 60.0  # seconds; longer than any test waits for a deadline
LIVEZ: Final = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n"
HELD: Final = b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n"


def _limits(**changes: Any) -> ConnectionLimits:
    """No deadline comes during a test, except those in `changes`."""
    long = ("head_seconds", "body_seconds", "write_seconds", "linger_seconds")
    return ConnectionLimits(
        **{**dict.fromkeys(long, NEVER), "shutdown_idle_seconds": 0.0, **changes}
    )


@dataclass
class RunningServer:
    """The service in a thread. Requests to /held and /v1/held wait until `hold` is set."""

    app: PresignApp
    uvicorn: Server
    drain: Drain
    address: tuple[str, int] = ("", 0)
    hold: threading.Event = field(default_factory=threading.Event)
    timers: list[bool] = field(default_factory=list)  # for each request to /timers: was one set

    def connect(self, *, receive_buffer: int | None = None) -> "RawClient":
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(PATIENCE)
        sock.connect(self.address)
        return RawClient(sock)

    @property
    def protocols(self) -> list[TimeoutProtocol]:
        connections = list(self.uvicorn.server_state.connections)  # another thread changes them
        return [each for each in connections if isinstance(each, TimeoutProtocol)]

    @property
    def tasks(self) -> int:
        """How many requests the app is working on."""
        return len(self.uvicorn.server_state.tasks)

    @property
    def counted(self) -> dict[str, float]:
        """How many requests the metrics count, by status."""
        found = dict[str, float]()
        for metric in self.app.parts.metrics.registry.collect():
            for each in metric.samples:
                if each.name == "presign_http_request_seconds_count":
                    status = each.labels["status"]
                    found[status] = found.get(status, 0) + each.value
        return found

    @property
    def discarded(self) -> float:
        """How many bytes of bodies the service has dropped."""
        registry = self.app.parts.metrics.registry
        value = registry.get_sample_value("presign_discarded_body_bytes_total")
        assert value is not None
        return value


@contextmanager
def run_server(
    *, max_in_flight: int = 512, cors_origins: Sequence[str] = (), **limits: Any
) -> Iterator[RunningServer]:
    section = {"max_in_flight": max_in_flight, "cors_origins": list(cors_origins)}
    settings = make_app_settings(make_open_grant(), server=section)
    drain = Drain()
    app = create_app(
        settings,
        dict.fromkeys(settings.buckets, ADDRESS),
        Environment(
            drain=drain, write_audit=lambda _lines: None, open_sources=make_fixed_sources()
        ),
    )
    with run_app_on_socket(app, drain, **limits) as server:
        _add_routes(app, server)
        _add_redirect(app, server)
        yield server


@contextmanager
def run_app_on_socket(app: PresignApp, drain: Drain, **limits: Any) -> Iterator[RunningServer]:
    """In a thread, with its own event loop."""
    connection_limits = _limits(**limits)
    config = uvicorn_config(
        app.gateway,
        app.parts,
        host="127.0.0.1",
        port=0,
        limits=connection_limits,
    )
    server = RunningServer(app, Server(config, drain=drain, drain_seconds=NEVER), drain)
    thread = threading.Thread(target=server.uvicorn.run)
    thread.start()
    try:
        wait_until(lambda: server.uvicorn.started)
        server.address = server.uvicorn.servers[0].sockets[0].getsockname()
        yield server
    finally:
        server.hold.set()
        server.uvicorn.should_exit = True
        thread.join(PATIENCE)


def _add_routes(app: PresignApp, server: RunningServer) -> None:
    async def held() -> str:
        await asyncio.to_thread(server.hold.wait)
        return "released"

    async def echo(request: Request) -> str:
        return (await request.body()).decode()

    async def headers(request: Request) -> list[str]:
        await request.body()
        return [name.decode() for name, _ in request.scope["headers"]]

    async def sized(size: int) -> str:
        return "x" * size

    async def timers() -> str:
        server.timers.extend(p._deadline is not None for p in server.protocols)
        return ""

    async def refused(request: Request) -> Response:
        return refusal(app.parts.problems, Forbidden(), state_of(request.scope))

    async def refused_in_two_lines(request: Request) -> Response:
        state_of(request.scope).reason = b"No\r\nx-second: line"
        return Response("no", 403)

    async def header(name: str) -> Response:
        response = Response("ok")
        response.raw_headers.append((name.encode(), b"close"))
        return response

    app.add_api_route("/refused", refused, response_model=None)
    app.add_api_route("/refused-in-two-lines", refused_in_two_lines)
    app.add_api_route("/header/{name}", header)
    app.add_api_route("/sized/{size}", sized)
    app.add_api_route("/headers", headers, methods=["POST"])
    app.add_api_route("/timers", timers, methods=["GET", "POST"])
    for prefix in ("", "/v1"):
        app.add_api_route(f"{prefix}/held", held, methods=["GET", "HEAD"])
        app.add_api_route(f"{prefix}/echo", echo, methods=["POST"])


def _add_redirect(app: FastAPI, server: RunningServer) -> None:
    async def redirected(request: Request, to: str = "/", *, held: bool = False) -> Response:
        if held:
            await asyncio.to_thread(server.hold.wait)
        return Response(status_code=307, headers={"location": to, **await discard_body(request)})

    app.add_api_route("/redirected", redirected, methods=["PUT"])


def wait_until(condition: Callable[..., object], seconds: float = PATIENCE) -> None:
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
        """The problem's code. Also checks the problem and the headers of every response."""
        problem = json.loads(self.body)
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["x-request-id"] == problem["request_id"]
        assert self.headers["cache-control"] == "no-store"
        assert self.headers["referrer-policy"] == "no-referrer"
        assert self.headers["x-content-type-options"] == "nosniff"
        assert "date" in self.headers
        assert problem["status"] == self.status
        code: str = problem["code"]
        assert problem["type"] == f"/errors#{code}"
        return code


class RawClient:
    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._unread = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, data: bytes) -> Answer:
        self.send(data)
        return self.answer()

    def send_slowly(self, data: bytes, pause: float) -> None:
        """Byte by byte, until the server responds or closes."""
        with suppress(OSError):
            for byte in data:
                self.send(bytes([byte]))
                if not self.is_silent(pause):
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
        """Whether the server closes the connection and sends nothing more."""
        return not (self._unread or self.socket.recv(1))

    def is_silent(self, seconds: float = 0) -> bool:
        """Whether for `seconds` the server neither sends anything nor closes."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) is None
        except (TimeoutError, BlockingIOError):
            return True
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


def make_post(path: str, body: bytes = b"", *headers: str) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        "host: a",
        f"authorization: Bearer {API_KEY}",
        f"content-length: {len(body)}",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
