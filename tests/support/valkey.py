"""A Valkey or Redis as a child process on loopback. It keeps what it is told, in its directory."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

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
    def __init__(self, directory: Path) -> None:
        self._program = shutil.which("redis-server") or tool("valkey-server", "valkey-server")
        self._directory = directory
        (self.port,) = free_ports(1)  # its own while it is down, too
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [self._program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
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
        """Lose everything, as one that is not told to keep it."""
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

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(100) == b"+PONG\r\n"
        return False
