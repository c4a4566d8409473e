"""A proxy in front of a store, on a host of its own, that records what clients send to the store.

It passes `Host` on unchanged, so signatures stay valid.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Final
from urllib.parse import urlsplit

HOST: Final = "127.0.0.2"  # clients see another host than the service's 127.0.0.1, as with AWS
_PIECE: Final = 1024 * 1024
# The last two would make a store of HTTP/2 change the protocol.
_NOT_SENT_ON: Final = frozenset({"connection", "expect", "upgrade", "http2-settings"})
_NOT_ANSWERED: Final = frozenset(
    {"connection", "content-length", "date", "server", "transfer-encoding"}
)


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request of a client; the names of `headers` are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    length: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Ends an answer after some bytes, once it is `released`. `reached` is when they are sent."""

    after: int
    reached: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)


@dataclass
class Recording:
    """The next answer that is long enough for `cut` ends there."""

    url: str = ""
    requests: list[SentRequest] = field(default_factory=list)
    cut: Cut | None = None

    def take_cut(self, length: int) -> Cut | None:
        if self.cut is None or length <= self.cut.after:
            return None
        cut, self.cut = self.cut, None
        return cut


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # of the usual 5, a client that opens more at once waits for seconds

    def __init__(self, store_url: str) -> None:
        super().__init__((HOST, 0), _Handler)
        self.store = urlsplit(store_url).netloc
        self.recording = Recording(f"http://{HOST}:{self.server_address[1]}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def forward(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        with closing(HTTPConnection(self.server.store, timeout=60)) as store:
            store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name not in _NOT_SENT_ON:
                    store.putheader(name, value)
            store.endheaders()
            length = self._pass_body(store)
            self.server.recording.requests.append(
                SentRequest(self.command, self.path, headers, length)
            )
            self._answer(store.getresponse())

    def _pass_body(self, store: HTTPConnection) -> int:
        length = left = int(self.headers.get("content-length", 0))
        while left and (piece := self.rfile.read(min(left, _PIECE))):
            store.send(piece)
            left -= len(piece)
        return length - left

    def _answer(self, answer: HTTPResponse) -> None:
        body = answer.read()
        length = answer.getheader("content-length", "0") if self.command == "HEAD" else len(body)
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _NOT_ANSWERED:
                self.send_header(name, value)
        self.send_header("content-length", str(length))
        self.end_headers()
        if (cut := self.server.recording.take_cut(len(body))) is None:
            self.wfile.write(body)
            return
        self.wfile.write(body[: cut.after])
        self.wfile.flush()
        cut.reached.set()
        cut.released.wait(60)
        self.close_connection = True

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PUT = forward  # noqa: N815 - their names there

    def log_message(self, *_: object) -> None:
        """Say nothing: signed URLs are not printed."""


@contextmanager
def recording(store_url: str) -> Iterator[Recording]:
    with _Server(store_url) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.recording
        finally:
            server.shutdown()
            thread.join()
