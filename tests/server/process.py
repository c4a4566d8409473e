"""`presign serve` in a child process, with static keys, so that it needs no STS."""

import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from service.auth.api_keys import digest_of
from tests.support.app import API_KEY
from tests.support.app import make_open_grant as grant
from tests.support.processes import free_ports
from tests.support.service import run_service_process
from tests.support.socket_server import PATIENCE, RawClient

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
def run_server_process(
    directory: Path, *more_callers: dict[str, object], **server: object
) -> Iterator[ServiceProcess]:
    (port,) = free_ports(1)
    with run_service_process(
        configured(*more_callers, **server),
        directory,
        port,
        AWS_ACCESS_KEY_ID="AKIAEXAMPLE",
        AWS_SECRET_ACCESS_KEY="made-up",
    ) as process:
        yield ServiceProcess(process, ("127.0.0.1", port))


def configured(*more_callers: dict[str, object], **server: object) -> dict[str, object]:
    return {
        "server": server,
        "buckets": {"demo": {"region": "eu-west-1", "credentials": "static"}},
        "callers": [
            {"api_key": "tester", "sha256": [digest_of(API_KEY)], "grants": [grant()]},
            *more_callers,
        ],
    }
