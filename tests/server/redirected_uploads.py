"""A store on loopback, to which the service redirects uploads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlencode

from tests.support.socket_server import PATIENCE, RunningServer

_PIECE: Final = 1024 * 1024


@dataclass
class Store:
    """Remembers the method and the length of each upload."""

    port: int = 0
    uploads: list[tuple[str, int]] = field(default_factory=list)

    def redirect(self, server: RunningServer, **query: object) -> str:
        """The address at the service that redirects here."""
        host, port = server.address
        target = urlencode({"to": f"http://127.0.0.1:{self.port}/object", **query})
        return f"http://{host}:{port}/redirected?{target}"


@contextmanager
def run_store() -> Iterator[Store]:
    store = Store()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            left = size = int(self.headers["content-length"])
            while left and (piece := self.rfile.read(min(left, _PIECE))):
                left -= len(piece)
            store.uploads.append(("PUT", size - left))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        store.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield store
        finally:
            http.shutdown()
            thread.join(PATIENCE)
