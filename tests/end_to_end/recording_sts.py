"""A proxy in front of a store's STS that records session policies."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class RecordingSts:
    url: str
    policies: dict[str, str] = field(default_factory=dict)  # by the session's name


@contextmanager
def recording(target: str) -> Iterator[RecordingSts]:
    """Requests are forwarded unchanged: their `Host` is signed."""
    address = urlsplit(target).netloc

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            if "Policy" in fields:
                recorded.policies[fields["RoleSessionName"]] = fields["Policy"]
            self._pass_on(body)

        def _pass_on(self, body: bytes) -> None:
            connection = HTTPConnection(address, timeout=30)
            connection.request("POST", self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response(answer.status)
            for name in ("content-type", "date"):
                if (value := answer.headers[name]) is not None:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Write nothing to standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    recorded = RecordingSts(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield recorded
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
