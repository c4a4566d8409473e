"""A proxy in front of a store, on a host of its own, that records what clients send to the store.

It passes `Host` on unchanged, so signatures stay valid.
"""

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

HOST: Final = "127.0.0.2"  # clients see another host than the service's 127.0.0.1, as with AWS
_PIECE: Final = 1024 * 1024
_HOP_BY_HOP: Final = frozenset({"connection", "date", "server", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of a client; the names of `headers` are in lower case."""

    method: str
    headers: Mapping[str, str]
    length: int


@dataclass
class Recorder:
    url: str = ""
    sent: list[Sent] = field(default_factory=list)


@contextmanager
def recording(store_url: str) -> Iterator[Recorder]:
    store, recorder = urlsplit(store_url), Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            upstream = http.client.HTTPConnection(str(store.hostname), store.port, timeout=60)
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name not in {"connection", "expect"}:
                    upstream.putheader(name, value)
            upstream.endheaders()
            left = length
            while left and (piece := self.rfile.read(min(left, _PIECE))):
                upstream.send(piece)
                left -= len(piece)
            recorder.sent.append(Sent(self.command, headers, length - left))
            self._answer(upstream.getresponse())
            upstream.close()

        def _answer(self, answer: http.client.HTTPResponse) -> None:
            body = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            length = answer.getheader("content-length") if self.command == "HEAD" else None
            self.send_header("content-length", length or str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PUT = forward  # noqa: N815 - their names there

        def log_message(self, *_: object) -> None:
            """Say nothing: signed URLs are not printed."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        server.daemon_threads = True
        recorder.url = f"http://{HOST}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()
