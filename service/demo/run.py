"""Runs the demo: the store as a child process, and the service in front of it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click

HOST: Final = "127.0.0.1"
# The store's root key, which the service assumes the role with.
ROOT_KEY: Final = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo"}


def run_demo(*, port: int, store_port: int) -> None:
    """Run both until Ctrl-C or SIGTERM, and end both."""
    _check_port(port, "--port")
    _check_port(store_port, "--store-port")
    os.environ.update(ROOT_KEY)
    # uvicorn raises the signal again when it ends. This process must not end before the store.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with _store(store_port) as wait_until_ready:
        # Imported here, while the store starts: each takes a second.
        from service.demo.serve import serve  # noqa: PLC0415

        wait_until_ready()
        serve(HOST, port, store_url=f"http://{HOST}:{store_port}")


@contextmanager
def _store(port: int) -> Iterator[Callable[[], None]]:
    """Start the store, and yield what waits for it."""
    command = [sys.executable, "-u", "-m", "service.demo.store", "--port", str(port)]
    # A separate process group: Ctrl-C must reach the service only, which ends the store at its end.
    with subprocess.Popen(  # noqa: S603 - this interpreter
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:

        def wait_until_ready() -> None:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise click.ClickException(
                    "the store did not start; is the extra `demo` installed?"
                )

        try:
            yield wait_until_ready
        finally:
            process.terminate()
            process.wait(timeout=10)


def _check_port(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise click.ClickException(
                f"port {port} is in use; choose another with {option}"
            ) from None
