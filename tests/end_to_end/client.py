"""The command `presign` of the client as a process, and the service and store that it uses."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.config.key_files import KEY_BYTES, new_key
from tests.support.gate import Gate, gate_to
from tests.support.service import API_KEY, RunningService, run_service
from tests.support.stores import Store

SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Command:
    """Runs `presign`, with notes below `state`. The store is behind the gate."""

    store: Store
    gate: Gate
    service: RunningService
    state: Path

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "PRESIGN_URL": str(self.service.client.base_url),
            "PRESIGN_TOKEN": API_KEY,
            "XDG_STATE_HOME": str(self.state),
        }

    def run(
        self, *words: str | Path, stdin: int = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[bytes]:
        with self.running(*words, stdin=stdin) as process:
            return self.end(process)

    @contextmanager
    def running(
        self,
        *words: str | Path,
        stdin: int = subprocess.DEVNULL,
        stderr: int = subprocess.PIPE,
    ) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "presign_client", *map(str, words)],
            env=self.environment(),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def end(self, process: subprocess.Popen[bytes]) -> subprocess.CompletedProcess[bytes]:
        """Wait for the process, and check that its output has no secret."""
        output, errors = process.communicate(timeout=SECONDS)
        for secret in (API_KEY, "X-Amz-", "Traceback", "Warning"):
            assert secret.encode() not in errors, errors
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def wait_for(seen: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def command_at(store: Store, directory: Path, *, is_of_answers: bool = False) -> Iterator[Command]:
    key = directory / "link-key"
    key.write_text(new_key(os.urandom(KEY_BYTES)))
    server = {"drain_seconds": 0, "public_url": "https://files.test"}
    top = {"links": {"keys": [str(key)]}, "server": server}
    with (
        gate_to(store.endpoint_url, is_of_answers=is_of_answers) as gate,
        run_service(store, directory, top=top, public_endpoint_url=gate.url) as service,
    ):
        yield Command(store=store, gate=gate, service=service, state=directory / "state")
