"""STS is down, and the balancer has taken the replica out: how soon is it ready once STS is back?

`make soak-abuse` runs it. Nobody but a probe asks the replica, every two seconds as a balancer does. An exit
code other than 0 says that it took longer than READY_SECONDS.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import httpx

from benchmarks.issuing import Issuing

READY_SECONDS: Final = 15.0
PROBE_SECONDS: Final = 2.0
CONFIGURATION: Final = """
server: {drain_seconds: 0}
buckets:
  soak: {region: eu-west-1, role_arn: "arn:aws:iam::111122223333:role/presign-64", sts_endpoint_url: "STS"}
"""


@contextmanager
def replica(directory: Path, port: int, sts_port: int) -> Iterator[None]:
    path = directory / "presign.yaml"
    path.write_text(CONFIGURATION.replace("STS", f"http://127.0.0.1:{sts_port}"))
    command = [sys.executable, "-m", "service", "serve", "--config", str(path), "--port", str(port)]
    keys = {"AWS_ACCESS_KEY_ID": "AKIASOAK", "AWS_SECRET_ACCESS_KEY": "soak"}
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **keys}, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def sts(port: int) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", port), Issuing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def probe(port: int, until: float) -> float | None:
    """Return when the replica was ready, or None at `until`, both by the monotonic clock."""
    while time.monotonic() < until:
        try:
            answer = httpx.get(
                f"http://127.0.0.1:{port}/readyz", trust_env=False, timeout=PROBE_SECONDS
            )
            if answer.is_success:
                return time.monotonic()
        except httpx.TransportError:
            pass  # it has not started yet
        time.sleep(PROBE_SECONDS)
    return None


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long STS is down")
    seconds = parser.parse_args().seconds
    port, sts_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as directory, replica(Path(directory), port, sts_port):
        if probe(port, time.monotonic() + seconds) is not None:
            sys.exit("the replica is ready without STS")
        with sts(sts_port):
            back_at = time.monotonic()
            ready_at = probe(port, back_at + 2 * READY_SECONDS + PROBE_SECONDS)
    if ready_at is None or ready_at - back_at > READY_SECONDS:
        sys.exit(f"missed: not ready {READY_SECONDS:.0f} s after STS was back")
    print(f"after STS        ready {ready_at - back_at:.1f} s after {seconds:.0f} s without it")


if __name__ == "__main__":
    main()
