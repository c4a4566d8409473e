"""The process writes the audit trail and the log to standard output, and nothing else."""

import json
import os
import signal
import sys
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Final

import httpx

from tests.support.app import API_KEY, SECRET, make_app_settings, make_open_grant
from tests.support.processes import free_ports
from tests.support.scrapes import GET, read, value

BUCKET: Final = {
    "region": "eu-west-1",
    "role_arn": "arn:aws:iam::111122223333:role/presign",
    "sts_endpoint_url": "http://127.0.0.1:1",
}
SETTINGS: Final = make_app_settings(make_open_grant()).model_dump(
    mode="json", exclude_defaults=True
) | {"buckets": {"demo": BUCKET}}


def test_standard_output_contains_only_json_even_without_sts(tmp_path: Path) -> None:
    """Including all libraries, at the lowest log level, from start to end."""
    (port,) = free_ports(1)
    variables = {
        "PRESIGN_LOG_LEVEL": "DEBUG",
        "PRESIGN_DRAIN_SECONDS": "0",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    file = tmp_path / "presign.yaml"
    file.write_text(json.dumps(SETTINGS))
    command = [sys.executable, "-m", "service", "serve", "--config", str(file), "--port", str(port)]
    environment = {**os.environ, **variables}
    with Popen(command, env=environment, stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            dropped = send_requests(f"http://127.0.0.1:{port}")
            process.send_signal(signal.SIGTERM)
            written, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors, dropped) == (0, "", 0)
    lines = [json.loads(line) for line in written.splitlines()]
    assert {line["event"] for line in lines} == {"log", "audit"}
    assert any("no new session" in line.get("message", "") for line in lines)
    audited = [line for line in lines if line["event"] == "audit"]
    assert [(line["request_id"], line["reason"]) for line in audited] == [
        ("request-7", "credentials_unavailable")
    ]
    assert not any(secret in written for secret in (SECRET, API_KEY))


def send_requests(url: str) -> float:
    """Send requests. Return how many log lines were dropped."""
    headers = {"Authorization": f"Bearer {API_KEY}", "X-Request-ID": "request-7"}
    until_it_listens = httpx.HTTPTransport(retries=8)  # for 63 s
    with httpx.Client(base_url=url, transport=until_it_listens, timeout=60) as client:
        assert client.get("/readyz").status_code == 503
        assert client.post("/v1/download-urls", json=GET, headers=headers).status_code == 503
        return value(read(client.get("/metrics").text), "log_lines_dropped_total")
