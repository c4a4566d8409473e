"""A store behind a small proxy on loopback that keeps what clients send to it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length"}


@dataclass(frozen=True, kw_only=True)
class SentRequest:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Recording:
    url: str
    requests: list[SentRequest] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = urlsplit(store_url).netloc
        self.recording = Recording(f"http://127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def forward(self) -> None:
        sent = dict(self.headers.items())
        self.server.recording.requests.append(
            SentRequest(method=self.command, path=self.path, headers=sent)
        )
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with closing(HTTPConnection(self.server.store, timeout=30)) as store:
            # With the client's own Host, which is signed
            store.request(self.command, self.path, body or None, sent)
            answer = store.getresponse()
            content = answer.read()
        length = answer.headers["content-length"] if self.command == "HEAD" else str(len(content))
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("content-length", length or "0")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = forward  # noqa: N815 - as they are called

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called
        pass


@contextmanager
def recording(store_url: str) -> Iterator[Recording]:
    server = _Server(store_url)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.recording
    finally:
        server.shutdown()
        server.server_close()
