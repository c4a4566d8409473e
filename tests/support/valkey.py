"""A Valkey or Redis as a child process on loopback. It keeps its data in its directory."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tests.clients.toolchains import tool
from tests.support.processes import START_SECONDS, StartError, free_ports, stop_process

_KEEPS: Final = (
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--maxmemory-policy",
    "noeviction",
)


class Valkey:
    def __init__(
        self, directory: Path, *options: str, url: str = "redis://127.0.0.1:{port}/0"
    ) -> None:
        """`options` are those of valkey-server. `url` is the clients'; `rediss` takes TLS only."""
        self._program = shutil.which("redis-server") or tool("valkey-server", "valkey-server")
        self._directory = directory
        (self.port,) = free_ports(1)  # its own while it is down, too
        self.url = url.format(port=self.port)
        is_tls = self.url.startswith("rediss:")
        ports = ["--port", "0", "--tls-port"] if is_tls else ["--port"]
        self._options = [*ports, str(self.port), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None:
            return
        command = [self._program, "--bind", "127.0.0.1", "--save", "", *self._options]
        self._process = subprocess.Popen(
            [*command, "--dir", str(self._directory), *_KEEPS],
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StartError(f"{self._program} does not answer")
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            stop_process(self._process)
        self._process = None

    def forget(self) -> None:
        """Lose everything, as one that is not configured to keep it."""
        self.stop()
        shutil.rmtree(self._directory / "appendonlydir")
        self.start()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Accept connections, and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def client(self) -> Redis:
        """Return an operator's connection, which a `with` closes."""
        return Redis.from_url(self.url, retry=Retry(NoBackoff(), 0))

    def connections(self) -> int:
        """Return how many clients are connected."""
        with self.client() as own:
            return len(own.client_list()) - 1

    def _answers(self) -> bool:
        with suppress(RedisError), self.client() as own:
            return bool(own.ping())
        return False


@contextmanager
def primary_and_replica(directory: Path) -> Iterator[tuple[Valkey, Valkey]]:
    for name in ("primary", "replica"):
        (directory / name).mkdir()
    primary = Valkey(directory / "primary", "--repl-diskless-sync-delay", "0")
    replica = Valkey(directory / "replica", "--replicaof", f"127.0.0.1 {primary.port}")
    try:
        primary.start()
        replica.start()
        yield primary, replica
    finally:
        primary.stop()
        replica.stop()


def wait_for_replica(primary: Valkey) -> None:
    """Wait until the replica has all earlier writes: writes arrive in order."""
    with primary.client() as client:
        client.set("last", "write")
        assert client.wait(1, START_SECONDS * 1000) == 1


def promote(replica: Valkey, *, instead_of: Valkey | None = None) -> None:
    """Let a replica take writes. The primary `instead_of` runs on as its replica."""
    with replica.client() as client:
        client.replicaof("NO", "ONE")
    if instead_of is not None:
        with instead_of.client() as client:
            client.replicaof("127.0.0.1", replica.port)
