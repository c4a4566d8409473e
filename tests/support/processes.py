"""Servers as real child processes on loopback.

A child does not see the developer's environment, writes only into its own directory, and is stopped
with its whole process group.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

import httpx

START_SECONDS = 180  # idle machines need 0.5 to 4, and 10 for MLflow's server
STOP_SECONDS = 1  # an orderly stop of SeaweedFS takes 15, and is not needed
KILL_SECONDS = 10
LOWEST_PORT: Final = 10_240  # no well-known ports between this and the ephemeral ports
CLIENTS_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")  # man 7 ip
_TAKEN: Final[list[socket.socket]] = []


class StartError(RuntimeError):
    pass


@contextmanager
def run_process(
    command: Sequence[str], directory: Path, health_url: str, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    if not Path(command[0]).exists():
        raise StartError(f"{command[0]} is missing: `make test` installs it")
    log, here = directory / "output.log", str(directory)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={"PATH": os.defpath, "HOME": here, "TMPDIR": here, **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its own process group: its children are stopped with it
        )
    try:
        with ended_with_us(process):
            _wait_until_healthy(process, health_url, log)
            yield process
    finally:
        stop_process(process)


@contextmanager
def ended_with_us(leader: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill a process group when this process ends, also if it is killed itself.

    A shell waits for the end of a pipe that only this process holds.
    """
    script = 'read -r _; kill -s KILL -- "-$0"'
    with subprocess.Popen(
        ["/bin/sh", "-c", script, str(leader.pid)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as guard:
        try:
            yield
        finally:
            guard.kill()


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(trust_env=False, timeout=5) as client:
        while not _answers(client, url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise StartError(_last_words(process, log))
            time.sleep(0.05)


def _answers(client: httpx.Client, url: str) -> bool:
    with suppress(httpx.TransportError):
        return client.get(url).is_success
    return False


def _last_words(process: subprocess.Popen[bytes], log: Path) -> str:
    fate = "runs, but does not answer" if process.returncode is None else "ended at its start"
    tail = log.read_text(errors="replace").splitlines()[-30:]
    return "\n".join([f"what runs in {log.parent.name} {fate}:", *tail])


def run_to_end(
    command: Sequence[str | Path], *, seconds: float = 120, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command without input. Return its output as text, whatever its exit code."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        **more,
    )


def stop_process(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):  # also children that outlived their leader
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(KILL_SECONDS)


def free_ports(count: int) -> list[int]:
    """Return ports reserved until this process ends, since a server needs seconds before it
    listens.

    None is an ephemeral port. The UDP port of the same number is held, so that parallel test runs
    choose other ports.
    """
    tried = SystemRandom().sample(_ports(), 50 * count)
    free = (port for port in tried if _is_taken_by_us(port))
    return [next(free) for _ in range(count)]


def _ports() -> range:
    """Ports below the ephemeral range; all ports if that range is unknown or too large."""
    known = CLIENTS_PORTS.exists()
    below_clients = range(LOWEST_PORT, int(CLIENTS_PORTS.read_text().split()[0]) if known else 0)
    return below_clients if len(below_clients) > 1000 else range(LOWEST_PORT, 2**16)


def _is_taken_by_us(port: int) -> bool:
    held = socket.socket(type=socket.SOCK_DGRAM)
    try:
        held.bind(("127.0.0.1", port))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        held.close()
        return False
    _TAKEN.append(held)
    return True
