"""Runs the demo: the store as a child process, and the service in front of it."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Final

import click

from service.demo.ports import HOST, problem_of_ports

_REST_SECONDS: Final = 5.0  # for the last words of a store that has ended
# The store's root key, which the service assumes the role with.
ROOT_KEY: Final = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo"}
REGION: Final = "us-east-1"  # of the queue, whose address has none
# A shell's own, which the SDK would use with that key.
_OTHER_CREDENTIALS: Final = (
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
)


def run_demo(*, port: int, store_port: int, origins: Sequence[str] = ()) -> None:
    """Run both until Ctrl-C or SIGTERM, and end both. Pages of `origins` may call the service."""
    if problem := problem_of_ports({"--port": port, "--store-port": store_port}):
        raise click.ClickException(problem)
    os.environ.update(ROOT_KEY, NO_PROXY=HOST, no_proxy=HOST, AWS_REGION=REGION)
    for name in _OTHER_CREDENTIALS:
        os.environ.pop(name, None)
    if origins:
        os.environ.pop("PRESIGN_CORS_ORIGINS", None)  # the option wins
    # uvicorn raises the signal again when it ends. This process must not end before the store.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with _store(store_port) as wait_until_ready:
        # Imported here, while the store starts: each takes a second.
        from service.demo.serve import serve  # noqa: PLC0415

        wait_until_ready()
        serve(HOST, port, store_url=f"http://{HOST}:{store_port}", origins=origins)


@contextmanager
def _store(port: int) -> Iterator[Callable[[], None]]:
    """Start the store, and yield what waits for it."""
    command = [sys.executable, "-u", "-m", "service.demo.store", "--port", str(port)]
    # A separate process group: Ctrl-C must reach the service only, which ends the store at its end.
    with subprocess.Popen(  # noqa: S603 - this interpreter
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        stdout, complaints = process.stdout, deque[str](maxlen=1)
        reader = Thread(target=_keep, args=(process.stderr, complaints), daemon=True)
        reader.start()

        def wait_until_ready() -> None:
            if not stdout.readline():
                reader.join(_REST_SECONDS)
                raise click.ClickException(_why_it_ended(complaints, process.wait()))

        try:
            yield wait_until_ready
        finally:
            process.terminate()
            process.wait(timeout=10)


def _keep(lines: Iterable[str], last: deque[str]) -> None:
    """Read all lines, so that the store never waits, and keep the last one with a text."""
    last.extend(line.strip() for line in lines if line.strip())


def _why_it_ended(complaints: Iterable[str], status: int) -> str:
    cause = next(iter(complaints), f"it ended with {status}")
    is_missing = cause.startswith(("ModuleNotFoundError", "ImportError"))
    hint = "; install the extra `demo`" if is_missing else ""
    return f"the store did not start: {cause.removeprefix('Error: ')}{hint}"
