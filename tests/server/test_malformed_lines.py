"""Strangers do not fill the log: what is malformed leaves few lines."""

import json
import time
from pathlib import Path

from tests.server.process import serving_process


def test_a_flood_of_malformed_requests_leaves_few_lines(tmp_path: Path) -> None:
    with serving_process(tmp_path, drain_seconds=0) as running:
        began = time.monotonic()
        for _ in range(300):
            with running.connect() as wire:
                wire.send(b"rubbish\r\n\r\n")
                assert wire.answer().code == "malformed_request"
        seconds = time.monotonic() - began
    lines = [json.loads(line) for line in (tmp_path / "output.log").read_text().splitlines()]
    told = [line for line in lines if line["message"].startswith("Invalid HTTP request")]
    assert 10 <= len(told) <= 10 * (seconds + 1)
