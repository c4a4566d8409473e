"""The process writes the audit trail and the log to standard output, and nothing else."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from service.auth.api_keys import digest_of
from tests.support.app import API_KEY, SECRET, make_open_grant
from tests.support.processes import free_ports

ROOT: Final = Path(__file__).parents[2]
GET: Final = {"bucket": "demo", "key": "a"}
CONFIGURATION: Final = {
    "buckets": {
        "demo": {
            "region": "eu-west-1",
            "role_arn": "arn:aws:iam::111122223333:role/presign",
            "sts_endpoint_url": "http://127.0.0.1:1",
        }
    },
    "callers": [
        {"api_key": "tester", "sha256": [digest_of(API_KEY)], "grants": [make_open_grant()]}
    ],
}


def test_standard_output_contains_only_json_even_without_sts(tmp_path: Path) -> None:
    """Including all libraries, at the lowest log level, from start to end."""
    file = tmp_path / "presign.yaml"
    file.write_text(json.dumps(CONFIGURATION))
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "service", "serve", "--config", str(file), "--port", str(port)]
    environment = {
        **os.environ,
        "PRESIGN_LOG_LEVEL": "DEBUG",
        "PRESIGN_DRAIN_SECONDS": "0",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            dropped = _send_requests(f"http://127.0.0.1:{port}")
            process.send_signal(signal.SIGTERM)
            out, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors, dropped) == (0, b"", 0)
    lines = [json.loads(line) for line in out.splitlines()]
    assert {line["event"] for line in lines} == {"log", "audit"}
    assert any("no new session" in line.get("message", "") for line in lines)
    audited = [line for line in lines if line["event"] == "audit"]
    assert [(line["request_id"], line["reason"]) for line in audited] == [
        ("request-7", "credentials_unavailable")
    ]
    assert not any(secret in out.decode() for secret in (SECRET, API_KEY))


def _send_requests(url: str) -> float:
    """Send requests. Return how many log lines were dropped."""
    headers = {"Authorization": f"Bearer {API_KEY}", "X-Request-ID": "request-7"}
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        _wait_until_it_answers(client)
        assert client.get("/readyz").status_code == 503
        assert client.post("/v1/download-urls", json=GET, headers=headers).status_code == 503
        families = text_string_to_metric_families(client.get("/metrics").text)
    return next(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "presign_log_lines_dropped_total"
    )


def _wait_until_it_answers(client: httpx.Client) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with suppress(httpx.TransportError):
            client.get("/livez")
            return
        time.sleep(0.05)
    raise AssertionError("the service does not answer")
