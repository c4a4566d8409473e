"""`presign serve` in a child process, with static keys, so that it needs no STS."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from service.auth.api_keys import digest_of
from tests.api.conftest import API_KEY
from tests.api.conftest import open_grant as grant
from tests.server.harness import PATIENCE, RawClient, until
from tests.support.processes import free_ports, stop_process

START_SECONDS: Final = 60.0
BODY: Final = {"bucket": "demo", "key": "a"}


@dataclass(frozen=True)
class ServiceProcess:
    process: subprocess.Popen[bytes]
    address: tuple[str, int]

    def connect(self) -> RawClient:
        return RawClient(socket.create_connection(self.address, PATIENCE))

    def http_client(self) -> httpx.Client:
        url = f"http://{self.address[0]}:{self.address[1]}"
        headers = {"authorization": f"Bearer {API_KEY}"}
        return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        return self._memory("VmRSS")

    def peak_bytes(self) -> int:
        """The maximum since `reset_peak`."""
        return self._memory("VmHWM")

    def reset_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # man 5 proc

    def forbid_more_descriptors(self) -> None:
        """It keeps its descriptors; the limit counts numbers, and 0 to 2 are in use."""
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (3, 3))

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith(name)]
        return int(line.split()[1]) * 1024


@contextmanager
def serving_process(
    directory: Path, *more_callers: dict[str, object], **server: object
) -> Iterator[ServiceProcess]:
    (port,) = free_ports(1)
    configuration = directory / "presign.yaml"
    configured_as = configured(*more_callers, **server)
    configuration.write_text(json.dumps(configured_as))  # JSON is YAML
    with (directory / "output.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", str(port)],
            cwd=Path(__file__).parents[2],
            env={
                "PATH": os.defpath,
                "PRESIGN_CONFIG": str(configuration),
                "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "made-up",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = ServiceProcess(process, ("127.0.0.1", port))
    try:
        until(lambda: is_ready(running), START_SECONDS)
        yield running
    finally:
        stop_process(process)


def configured(*more_callers: dict[str, object], **server: object) -> dict[str, object]:
    return {
        "server": server,
        "buckets": {"demo": {"region": "eu-west-1", "credentials": "static"}},
        "callers": [
            {"api_key": "tester", "sha256": [digest_of(API_KEY)], "grants": [grant()]},
            *more_callers,
        ],
    }


def is_ready(running: ServiceProcess) -> bool:
    assert running.process.poll() is None, "it ended while starting"
    with running.http_client() as http:
        try:
            return http.get("/readyz").is_success
        except httpx.TransportError:
            return False
