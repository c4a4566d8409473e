"""What a terminal shows while a command works. tests/end_to_end/test_client.py shows the bar of a transfer."""

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from presign_client.commands.progress import PATIENCE_SECONDS
from tests.client.fake import TOKEN
from tests.support.terminals import shown_on

pytestmark = pytest.mark.slow


class Slow(BaseHTTPRequestHandler):
    """Answers `GET /v1/caller` after more than the user's patience."""

    def do_GET(self) -> None:
        time.sleep(PATIENCE_SECONDS + 1)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"subject": "tests", "grants": []}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Slow) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def whoami(url: str, stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-W", "error", "-m", "presign_client", "whoami"]
    environment = {"PATH": os.defpath, "PRESIGN_URL": url, "PRESIGN_TOKEN": TOKEN}
    environment |= {"TERM": "xterm"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=stderr
    ) as process:
        yield process


def test_a_terminal_shows_that_a_command_waits(url: str) -> None:
    screen, terminal = pty.openpty()

    with whoami(url, terminal) as process:
        os.close(terminal)
        shown = shown_on(screen)
        printed, _ = process.communicate(timeout=60)

    assert (process.returncode, printed) == (0, b"tests\n")
    assert "waiting for an answer" in shown


def test_a_pipe_gets_nothing_but_the_answer(url: str) -> None:
    with whoami(url, subprocess.PIPE) as process:
        assert process.communicate(timeout=60) == (b"tests\n", b"")
