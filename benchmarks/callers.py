"""What thousands of callers cost: `presign check`, the start, a reload, a scrape and memory.

Each caller has an API key and grants on two of a hundred buckets. `python -m benchmarks.callers`
measures only this, and updates docs/scale.md.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
import uvloop

from benchmarks import issuing, load, scale, targets
from benchmarks.measuring import SERVER_CORE, pin
from benchmarks.sides import HERE, Side
from benchmarks.signers import REGION
from benchmarks.targets import Target

CALLERS: Final = (400, 4000, 40_000)
ROUNDS: Final = 3
BUCKETS: Final = 100
TEAM: Final = 100  # callers in a file of `callers_dir`
_RELOAD_SECONDS: Final = 120.0
_REST_SECONDS: Final = 60.0
_QUIET_SECONDS: Final = 4.0  # more than the service waits before the check
_AT_REST: Final = 0.1  # of CPU in that time: reading the file's status


def key_of(number: int) -> str:
    return f"key-of-caller-{number}"


def configuration(callers: int, sts: str) -> str:
    """YAML in the block style that people write, of 11 lines for each caller."""
    return f"{_buckets(sts)}{_callers(range(callers))}"


def by_team(directory: Path, callers: int, sts: str) -> tuple[Path, Path]:
    """Write the same in one file for each team, and return its file and that of the first team."""
    teams, path = directory / "teams", directory / "by-team.yaml"
    teams.mkdir(exist_ok=True)
    path.write_text(f"{_buckets(sts)}callers_dir: {teams.name}\n")
    for first in range(0, callers, TEAM):
        (teams / f"{first:05}.yaml").write_text(_callers(range(first, first + TEAM)))
    return path, teams / f"{0:05}.yaml"


def _buckets(sts: str) -> str:
    role = "arn:aws:iam::111122223333:role/presign-352"
    lines = ["server: {drain_seconds: 0}", "bucket_defaults:", f"  region: {REGION}"]
    lines += [f"  role_arn: {role}", f"  sts_endpoint_url: {sts}", "buckets:"]
    lines += [f"  bucket-{n:03}: {{bucket: acme-{n:03}}}" for n in range(BUCKETS)]
    return "\n".join(lines) + "\n"


def _callers(numbers: range) -> str:
    lines = ["callers:"]
    for n in numbers:
        digest = sha256(key_of(n).encode()).hexdigest()
        lines += [f"  - api_key: caller-{n:04}", f"    sha256: [{digest}]", "    grants:"]
        for bucket in (n % BUCKETS, (n + 1) % BUCKETS):
            lines += [f"      - bucket: bucket-{bucket:03}", f"        prefix: team-{n:04}/"]
            lines += ["        allow: [download, upload, list]", "        max_expires_in: 900"]
    return "\n".join(lines) + "\n"


def measure(side: Side = HERE) -> list[dict[str, float]]:
    """Return a row for each number of callers: the medians of the rounds.

    Seconds are CPU time.
    """
    issuer = issuing.start()
    url = f"http://127.0.0.1:{issuer.server_address[1]}"
    with tempfile.TemporaryDirectory() as directory:
        return [
            _median([_round(side, Path(directory), callers, url) for _ in range(ROUNDS)])
            for callers in CALLERS
        ]


def _median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def _round(side: Side, directory: Path, callers: int, sts: str) -> dict[str, float]:
    path = directory / "presign.yaml"
    path.write_text(configuration(callers, sts))
    checked = _check_seconds(side, path)
    with _served(side, path) as (service, client):
        started = service.cpu_seconds
        memory = _memory_at_rest(service)
        # So that each has its series in a scrape.
        uvloop.run(load.closed(service.port, map(_asks, range(callers))))
        before = service.cpu_seconds
        text = client.get("/metrics").text
        scraped = service.cpu_seconds - before
        reloaded = _reload_seconds(path, service, client)
    path, first = by_team(directory, callers, sts)
    with _served(side, path) as (service, client):
        _memory_at_rest(service)
        of_a_team = _reload_seconds(first, service, client)
    return {
        "callers": callers,
        "check_s": checked,
        "start_s": started,
        "memory_mib": memory,
        "reload_s": reloaded,
        "reload_by_team_s": of_a_team,
        "scrape_ms": scraped * 1000,
        "series": sum(not line.startswith("#") for line in text.splitlines()),
    }


def _asks(number: int) -> bytes:
    head = f"GET /v1/caller HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key_of(number)}\r\n"
    return f"{head}\r\n".encode()


def _check_seconds(side: Side, path: Path) -> float:
    before = os.times()
    subprocess.run(
        side.command("check", str(path)),
        env=side.environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


@contextmanager
def _served(side: Side, path: Path) -> Iterator[tuple[Target, httpx.Client]]:
    command = side.command("serve", "--config", str(path), "--port")
    for service in targets.served(command, "/livez", side.environment, subprocess.DEVNULL):
        url = f"http://127.0.0.1:{service.port}"
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
            yield service, client


def _memory_at_rest(service: Target) -> float:
    """Return the MiB, once a thread has checked the policies of all callers, which begins after the start."""
    until = time.monotonic() + _REST_SECONDS
    spent = -1.0
    while (now := service.cpu_seconds) - spent > _AT_REST and time.monotonic() < until:
        spent = now
        time.sleep(_QUIET_SECONDS)
    return service.memory_mib


def _reload_seconds(path: Path, service: Target, client: httpx.Client) -> float:
    """Change the first caller of the file, and return the CPU time until that is in use."""
    path.write_text(path.read_text().replace("max_expires_in: 900", "max_expires_in: 600", 1))
    before, until = service.cpu_seconds, time.monotonic() + _RELOAD_SECONDS
    headers = {"Authorization": f"Bearer {key_of(0)}"}
    while time.monotonic() < until:
        if '"max_expires_in":600' in client.get("/v1/caller", headers=headers).text:
            return service.cpu_seconds - before
        time.sleep(0.2)
    raise SystemExit("the change was not used")


def main() -> None:
    pin(SERVER_CORE)
    results: dict[str, Any] = json.loads(scale.RESULTS.read_text(encoding="utf-8"))
    results["callers"] = measure()
    scale.RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    scale.write(results)


if __name__ == "__main__":
    main()
