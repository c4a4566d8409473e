"""Debian's Prometheus, which scrapes a service on loopback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from tests.clients.toolchains import tool
from tests.support.processes import free_ports, run_process
from tools import ROOT

RULES: Final = ROOT / "deploy" / "grafana" / "alerts.yaml"


@contextmanager
def run_prometheus(directory: Path, target: str) -> Iterator[httpx.Client]:
    """Yield a client of Prometheus' API. It scrapes the host and port `target` each second."""
    (port,) = free_ports(1)
    job = {"job_name": "presign", "static_configs": [{"targets": [target]}]}
    configuration = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [job],
    }
    (directory / "prometheus.yml").write_text(json.dumps(configuration))  # JSON is YAML
    url = f"http://127.0.0.1:{port}"
    options = ["--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    command = [tool("prometheus", "prometheus"), *options, f"--web.listen-address=127.0.0.1:{port}"]
    with (
        run_process(command, directory, f"{url}/-/ready"),
        httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=30) as client,
    ):
        yield client


def asked(prometheus: httpx.Client, path: str, **query: str) -> Any:
    reply = prometheus.get(path, params=query).raise_for_status().json()
    assert {"warnings", "infos"}.isdisjoint(reply), reply
    return reply["data"]
