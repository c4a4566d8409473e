"""What stands between a program and `/sts`: it counts, and may change an answer's end or refuse."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx

_EXPIRATION = re.compile(b"(?<=<Expiration>)[^<]+")


@dataclass
class Door:
    """`ends_in` are seconds. `refusal` is a status and a document, instead of any answer."""

    service: str
    url: str = ""
    ends_in: float | None = None
    refusal: tuple[int, bytes] | None = None
    bodies: list[bytes] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def answer(self, path: str, content_type: str, body: bytes) -> tuple[int, bytes]:
        self.bodies.append(body)
        status, document = self.refusal or self._of_service(path, content_type, body)
        self.statuses.append(status)
        if self.ends_in is None:
            return status, document
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.ends_in))
        return status, _EXPIRATION.sub(ends.encode(), document)

    def _of_service(self, path: str, content_type: str, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": content_type}
        url = f"{self.service}{path}"
        given = httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30)
        return given.status_code, given.content


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        kind = self.headers.get("Content-Type", "")
        status, body = self.server.door.answer(self.path, kind, sent)
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, door: Door) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.door = door
        door.url = f"http://127.0.0.1:{self.server_address[1]}/sts"


@contextmanager
def door_to(service: str) -> Iterator[Door]:
    door = Door(service)
    with _Server(door) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield door
        finally:
            server.shutdown()
            thread.join()
