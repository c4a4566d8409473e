"""A TCP proxy on loopback that delays all bytes: `python -m benchmarks.delaying PORT HEALTH URL MS`.

Each byte waits for half of the milliseconds, each way. A connection has no more than 1 MiB on its
way: that is what limits the rate of one on a long line. It is a process of its own, whose CPU time
counts for nobody.
"""

import socket
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

CHUNK_BYTES: Final = 64 * 1024
CHUNKS: Final = 16  # on their way: 1 MiB


def main() -> None:
    port, health, url, milliseconds = sys.argv[1:]
    store = urlsplit(url)
    target = (store.hostname or "", store.port or 80)
    Thread(target=HTTPServer(("127.0.0.1", int(health)), _Healthy).serve_forever).start()
    with socket.create_server(("127.0.0.1", int(port)), backlog=256) as listener:
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(target)
            for source, sink in ((client, server), (server, client)):
                _delay(source, sink, float(milliseconds) / 2000)


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _delay(source: socket.socket, sink: socket.socket, seconds: float) -> None:
    waiting: Queue[tuple[float, bytes]] = Queue(CHUNKS)

    def receive() -> None:
        chunk = b"-"
        while chunk:
            chunk = b""
            with suppress(OSError):
                chunk = source.recv(CHUNK_BYTES)
            waiting.put((time.monotonic() + seconds, chunk))

    def send() -> None:
        while True:
            due, chunk = waiting.get()
            time.sleep(max(0.0, due - time.monotonic()))
            with suppress(OSError):
                if not chunk:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(chunk)

    for work in (receive, send):
        Thread(target=work, daemon=True).start()


if __name__ == "__main__":
    main()
