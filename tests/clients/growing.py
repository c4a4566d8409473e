"""The service as a later version may be: each JSON object in its answers has an additional field.

A small proxy on loopback. It does not change maps: an additional header would be sent to the store.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import httpx

FIELD: Final = "x_of_a_later_version"
VALUE: Final = {"some": ["thing", 1, None]}
MAPS: Final = {"headers", "fields", "metadata", "checksums"}
HOP_BY_HOP: Final = {"connection", "content-length", "host", "http2-settings", "upgrade"}


def grown(value: Any) -> Any:
    if isinstance(value, list):
        return [grown(each) for each in value]
    if isinstance(value, dict):
        own = {name: each if name in MAPS else grown(each) for name, each in value.items()}
        return {**own, FIELD: VALUE}
    return value


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: httpx.Client) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def forward(self) -> None:
        length = int(self.headers.get("content-length", 0))
        answer = self.server.upstream.request(
            self.command,
            self.path,
            content=self.rfile.read(length),
            headers={k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP},
        )
        body = answer.content
        if "json" in answer.headers.get("content-type", ""):
            body = json.dumps(grown(answer.json())).encode()
        self.send_response_only(answer.status_code)
        for name, value in answer.headers.items():
            if name not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = forward  # noqa: N815 - as they are called

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called
        pass


@contextmanager
def growing(service_url: str) -> Iterator[str]:
    """Yield the URL of the proxy."""
    with httpx.Client(base_url=service_url, trust_env=False) as upstream:
        server = _Server(upstream)
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
