"""Debian's Prometheus scrapes a running service, and evaluates deploy/grafana/alerts.yaml over it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.processes import free_ports
from tests.support.prometheus import asked, run_prometheus
from tests.support.service import API_KEY, make_caller, run_service_process

SECONDS: Final = 120.0  # a busy machine's; an idle one needs 10


def rules(prometheus: httpx.Client) -> list[Any]:
    [group] = asked(prometheus, "rules")["groups"]
    found: list[Any] = group["rules"]
    return found


def firing(prometheus: httpx.Client) -> list[Any]:
    return [each for each in asked(prometheus, "alerts")["alerts"] if each["state"] == "firing"]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def make_settings(**bucket: str) -> dict[str, Any]:
    """Without sessions, so no store and no STS is needed."""
    here = {"region": "eu-west-1", "credentials": "static", "endpoint_url": "http://127.0.0.1:9"}
    buckets = {name: {"bucket": name, **here, **bucket} for name in ("objects", "versions")}
    return {"buckets": buckets, "callers": [make_caller("tests", API_KEY, "")]}


def test_prometheus_scrapes_the_service_and_a_provoked_alert_fires(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    target = f"127.0.0.1:{port}"
    service, monitoring = tmp_path / "service", tmp_path / "prometheus"
    service.mkdir()
    monitoring.mkdir()
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    with (
        run_service_process(make_settings(), service, port, **keys),
        run_prometheus(monitoring, target) as prometheus,
    ):
        sign(target)
        wait_until(lambda: asked(prometheus, "query", query="presign_signed_total > 0")["result"])
        [scraped] = asked(prometheus, "targets")["activeTargets"]
        assert (scraped["health"], scraped["lastError"]) == ("up", "")

        wait_until(lambda: all(each["health"] != "unknown" for each in rules(prometheus)))
        assert {each["lastError"] for each in rules(prometheus) if "lastError" in each} <= {""}
        assert {each["health"] for each in rules(prometheus)} == {"ok"}
        for each in rules(prometheus):
            asked(prometheus, "query", query=each["query"])  # also without a warning
        assert firing(prometheus) == []

        (service / "presign.yaml").write_text(json.dumps(make_settings(region="no region")))
        wait_until(lambda: firing(prometheus) != [])
        [alert] = firing(prometheus)
        assert alert["labels"]["alertname"] == "PresignConfigurationNotServed"
        assert alert["annotations"]["summary"] == f"{target} keeps its old configuration."


def sign(target: str) -> None:
    request = {"bucket": "objects", "key": "a"}
    headers = {"Authorization": f"Bearer {API_KEY}"}
    with httpx.Client(base_url=f"http://{target}", trust_env=False, timeout=30) as client:
        client.post("/v1/download-urls", json=request, headers=headers).raise_for_status()
