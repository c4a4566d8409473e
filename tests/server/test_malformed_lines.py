"""Malformed requests do not flood the log."""

import json
import time
from pathlib import Path

from tests.server.process import run_server_process


def test_malformed_requests_leave_few_log_lines(tmp_path: Path) -> None:
    with run_server_process(tmp_path, drain_seconds=0) as running:
        began = time.monotonic()
        for _ in range(300):
            with running.connect() as client:
                assert client.request(b"rubbish\r\n\r\n").code == "malformed_request"
        seconds = time.monotonic() - began
    lines = [json.loads(line) for line in (tmp_path / "output.log").read_text().splitlines()]
    logged = [line for line in lines if line["message"].startswith("Invalid HTTP request")]
    assert 10 <= len(logged) <= 10 * (seconds + 1)
