"""What a start costs, in CPU, and what an idle service takes: `presign serve` as a process of its own."""

import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import httpx

from benchmarks import issuing, targets
from benchmarks.measuring import cpu_of_ended_children
from benchmarks.sides import Refused, Side
from benchmarks.targets import API_KEY, Target, bucket_of, write_configuration

ROUNDS: Final = 5
_SETTLE_SECONDS: Final = 4.0  # what the service leaves for later begins after 3
_PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Start:
    """`cpu_s` until the first signed URL; `children_s` is that of processes that it started."""

    first_answer_s: float
    cpu_s: float
    children_s: float
    idle_mib: float
    private_mib: float


def measure(compared: Sequence[Side], rounds: int = ROUNDS) -> dict[str, list[Start]]:
    """Return the starts of each side. A side that does not start has none."""
    server = issuing.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    found: dict[str, list[Start]] = {side.name: [] for side in compared}
    with tempfile.TemporaryDirectory() as directory:
        # Without what an older one does not know, so that all do the same.
        configuration = write_configuration(Path(directory), url, ())
        for turn in range(rounds + 1):  # the first writes the bytecode
            for side in compared:
                try:
                    start = _start(side, configuration)
                except (Refused, SystemExit):
                    continue
                if turn:
                    found[side.name].append(start)
    return found


def _start(side: Side, configuration: Path) -> Start:
    command = side.command("serve", "--config", str(configuration), "--port")
    for service in targets.served(command, "/readyz", side.environment, subprocess.DEVNULL):
        _first_url(service)
        cpu, children = service.cpu_seconds, cpu_of_ended_children(service.pid)
        time.sleep(_SETTLE_SECONDS)
        return Start(
            service.first_answer_seconds, cpu, children, service.memory_mib, service.private_mib
        )
    raise AssertionError("`served` yields once")


def _first_url(service: Target) -> None:
    url = f"http://127.0.0.1:{service.port}/v1/download-urls"
    headers = {"Authorization": f"Bearer {API_KEY}"}
    body = {"bucket": bucket_of(352), "key": "reports/2026/q3.pdf"}
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if httpx.post(url, headers=headers, json=body, trust_env=False).is_success:
            return
        time.sleep(0.02)
    raise Refused("it signs nothing")


def table(found: dict[str, list[Start]]) -> list[str]:
    lines = ["| start and idle | CPU to the first URL | of children | RSS | private |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for side, starts in found.items():
        if not starts:
            lines.append(f"| {side} | does not start |")
            continue
        cpu, children, rss, private = (
            median(getattr(each, name) for each in starts)
            for name in ("cpu_s", "children_s", "idle_mib", "private_mib")
        )
        lines.append(
            f"| {side} | {cpu:.2f} s | {children:.2f} s | {rss:.0f} MiB | {private:.0f} MiB |"
        )
    return lines
