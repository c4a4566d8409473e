"""What is measured over HTTP, each as a process of its own on the server's core."""

import json
import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Collection, Iterator, Sequence
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
# What a service of today can do, and one of a year ago cannot.
ADDRESS: Final = "https://files.test"  # that share links begin with
FEATURES: Final = frozenset({"link", "sign", "multipart", "lfs", "public_url", "mcp"})
AWS_KEYS: Final = {
    "AWS_ACCESS_KEY_ID": "AKIABENCH",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_START_SECONDS: Final = 90.0


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
        return resident_mib(self.pid)

    @property
    def private_mib(self) -> float:
        """Without what it shares with other processes."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def configuration(
    issuing: str, link_key: Path | None = None, features: Collection[str] = ()
) -> dict[str, Any]:
    """Everything on: grants, a rate, a session by AssumeRole for each caller, an issuer of tokens.

    `features` are some of FEATURES, of which an older service does not know all.
    """
    allowed = ["download", "upload", "form", "head", "delete", "list"]
    allowed += [each for each in ("link", "sign") if each in features]
    granted = {
        "allow": allowed,
        "max_expires_in": 900,
        "max_content_length": "5GiB",
        "allow_overwrite": True,
    }
    grants = [
        {"bucket": bucket_of(length), "prefix": "reports/", **granted} for length in TOKEN_LENGTHS
    ]
    if (
        "multipart" in features
    ):  # apart, as `sign` and `multipart` together allow no limit of length
        grants.append({"bucket": bucket_of(352), "prefix": "parts/", "allow": ["multipart"]})
    buckets = {bucket_of(length): _bucket(issuing, length) for length in TOKEN_LENGTHS}
    more: dict[str, Any] = {}
    if "link" in features:
        address = {} if "public_url" in features else {"url": ADDRESS}  # where it was before
        more["links"] = {"keys": [str(link_key)], **address}
    if "lfs" in features:
        buckets["lfs"] = {**_bucket(issuing, 352), "endpoint_url": issuing}
        link = ["link"] if "link" in features else []
        grants.append({"bucket": "lfs", "prefix": "", "allow": ["download", "check", *link]})
        more["git_lfs"] = {"repositories": {"bench": {"bucket": "lfs", "prefix": ""}}}
    if "mcp" in features:
        more["mcp"] = True
    may = {"grants": grants, "rate_limit": "100000000/minute"}
    return {
        "server": {"drain_seconds": 0}
        | ({"public_url": ADDRESS} if "public_url" in features else {}),
        "buckets": buckets,
        "issuers": {"bench": {"issuer": issuing, "audience": AUDIENCE, "jwks_url": issuing}},
        "callers": [
            {"api_key": MAKER, "sha256": [sha256(API_KEY.encode()).hexdigest()], **may},
            {"issuer": "bench", "subject": SUBJECT, **may},
        ],
        **more,
    }


def _bucket(issuing: str, token_length: int) -> dict[str, Any]:
    return {
        "bucket": "acme-reports",
        "region": REGION,
        "role_arn": f"arn:aws:iam::111122223333:role/presign-{token_length}",
        "sts_endpoint_url": issuing,
    }


def write_configuration(
    directory: Path,
    issuing: str,
    features: Collection[str] = FEATURES,
    more_callers: Sequence[dict[str, Any]] = (),
) -> Path:
    path, link_key = directory / "presign.yaml", directory / "link.key"
    link_key.write_bytes(b64encode(LINK_KEY))
    written = configuration(issuing, link_key, features)
    written["callers"] += more_callers
    path.write_text(json.dumps(written))  # JSON is YAML
    return path


def bucket_of(token_length: int) -> str:
    """The bucket whose sessions have tokens of this length."""
    return f"reports-{token_length}"


@contextmanager
def service(directory: Path, issuing: str) -> Iterator[Target]:
    """`presign serve`, its audit trail in a file."""
    path = write_configuration(directory, issuing)
    command = [sys.executable, "-m", "service", "serve", "--config", str(path), "--port"]
    with (directory / "audit").open("wb") as audit:
        yield from served(command, "/readyz", AWS_KEYS, audit.fileno())


@contextmanager
def app(name: str, token_length: int = 0) -> Iterator[Target]:
    """One of `apps.py`."""
    command = [sys.executable, "-m", "benchmarks.apps", name, str(token_length)]
    yield from served(command, "/openapi.json", {}, subprocess.DEVNULL)


def served(
    command: list[str], path: str, environment: dict[str, str], output: int
) -> Iterator[Target]:
    port, began = free_port(), time.monotonic()
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
