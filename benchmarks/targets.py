"""What is measured over HTTP, each as a process of its own on the server's core."""

import json
import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from benchmarks.issuing import AUDIENCE, SUBJECT
from benchmarks.measuring import SERVER_CORE, cpu_seconds, pin
from benchmarks.signers import REGION, TOKEN_LENGTHS

API_KEY: Final = "bench-0123456789abcdef0123456789abcdef"
MAKER: Final = "bench"  # the API key's name
LINK_KEY: Final = b"bench-of-links-0123456789abcdef!"
_START_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    pid: int
    port: int
    first_answer_seconds: float  # from its start to its first 200

    @property
    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    @property
    def memory_mib(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def configuration(issuing: str) -> dict[str, Any]:
    """Everything on: grants, a rate, a session by AssumeRole for each caller, an issuer of tokens."""
    grants = [
        {
            "bucket": bucket_of(length),
            "prefix": "reports/",
            "allow": ["download", "upload", "form", "head", "delete", "list", "link", "sign"],
            "max_expires_in": 900,
            "max_content_length": "5GiB",
            "allow_overwrite": True,
        }
        for length in TOKEN_LENGTHS
    ]
    may = {"grants": grants, "rate_limit": "100000000/minute"}
    return {
        "server": {"drain_seconds": 0},
        "buckets": {
            bucket_of(length): {
                "bucket": "acme-reports",
                "region": REGION,
                "role_arn": f"arn:aws:iam::111122223333:role/presign-{length}",
                "sts_endpoint_url": issuing,
            }
            for length in TOKEN_LENGTHS
        },
        "issuers": {"bench": {"issuer": issuing, "audience": AUDIENCE, "jwks_url": issuing}},
        "callers": [
            {"api_key": MAKER, "sha256": [sha256(API_KEY.encode()).hexdigest()], **may},
            {"issuer": "bench", "subject": SUBJECT, **may},
        ],
    }


def bucket_of(token_length: int) -> str:
    """The bucket whose sessions have tokens of this length."""
    return f"reports-{token_length}"


@contextmanager
def service(directory: Path, issuing: str, module: str = "service") -> Iterator[Target]:
    """`presign serve`, its audit trail in a file."""
    path, link_key = directory / "presign.yaml", directory / "link.key"
    link_key.write_bytes(b64encode(LINK_KEY))
    links = {"keys": [str(link_key)], "url": "https://files.test"}
    path.write_text(json.dumps(configuration(issuing) | {"links": links}))  # JSON is YAML
    keys = {"AWS_ACCESS_KEY_ID": "AKIABENCH", "AWS_SECRET_ACCESS_KEY": "bench"}
    command = [sys.executable, "-m", module, "serve", "--config", str(path), "--port"]
    with (directory / "audit").open("wb") as audit:
        yield from served(command, "/readyz", keys, audit.fileno())


@contextmanager
def app(name: str, token_length: int = 0) -> Iterator[Target]:
    """One of `apps.py`."""
    command = [sys.executable, "-m", "benchmarks.apps", name, str(token_length)]
    yield from served(command, "/openapi.json", {}, subprocess.DEVNULL)


def served(
    command: list[str], path: str, environment: dict[str, str], output: int
) -> Iterator[Target]:
    port, began = _free_port(), time.monotonic()
    process = subprocess.Popen(
        [*command, str(port)], env={**os.environ, **environment}, stdout=output
    )
    try:
        pin(SERVER_CORE, process.pid)
        _wait(process, port, path)
        yield Target(process.pid, port, time.monotonic() - began)
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode()
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(request)
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.01)
    raise SystemExit(f"it did not start: {process.args!r}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
