"""What `presign` can be told to do."""

import logging
import sys
from functools import partial
from pathlib import Path

import click

from service import __version__
from service.app.factory import create_app
from service.auth.api_keys import digest_of, new_key
from service.cli.check import (
    describe,
    faults,
    unread,
    warnings,
)
from service.cli.diagnose import diagnose
from service.cli.operations import revoke, uploads
from service.cli.options import config_option, configured
from service.config.settings import Settings, configuration_path
from service.server.run import Server, uvicorn_config
from service.server.shutdown import Drain
from service.signing.signer import Address
from service.telemetry.line_sink import LineSink
from service.telemetry.logs import (
    JsonFormatter,
    SinkHandler,
    plain_handler,
    set_up_logging,
)
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


@click.group()
@click.version_option(__version__, prog_name="presign")
def main() -> None:
    """Pre-signed S3 requests over HTTP."""


@main.command()
@config_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
def serve(path: Path | None, host: str, port: int) -> None:
    """Run the service."""
    path = configuration_path(path)
    settings, addresses = configured(path)
    run(path, settings, addresses, host=host, port=port)


@main.command()
@config_option
@click.option(
    "--offline",
    is_flag=True,
    help="Do not read the certificates of ca_file and ca_bundle, which may be on the Pod alone: for CI.",
)
def check(path: Path | None, *, offline: bool) -> None:
    """Say what is wrong with the configuration, or what each caller may do."""
    settings, addresses = configured(path, offline=offline)
    for line in describe(settings, addresses):
        click.echo(line)
    for line in warnings(settings):
        click.echo(f"warning: {line}")
    for line in unread(settings) if offline else ():
        click.echo(f"not read: {line}")
    if found := list(faults(settings, addresses)):
        raise click.ClickException("not every caller can be served:\n" + "\n".join(found))


@main.command(name="new-key")
def print_new_key() -> None:
    """Print a random API key for a caller, and the digest for the configuration."""
    key = new_key()
    click.echo(f"key:    {key}")
    click.echo(f"sha256: {digest_of(key)}")


@main.command()
@click.option("--port", default=8000, show_default=True)
@click.option("--store-port", default=5000, show_default=True)
def demo(port: int, store_port: int) -> None:
    """Run moto and the service side by side, ready to curl."""
    # Only the demo needs moto, which is an extra.
    from service.cli.demo import run_demo  # noqa: PLC0415

    set_up_logging("WARNING", plain_handler())
    run_demo(port=port, store_port=store_port)


def run(
    path: Path, settings: Settings, addresses: dict[str, Address], *, host: str, port: int
) -> None:
    """The service, until it is told to end. The file at `path` is watched."""
    drain, metrics, sink = Drain(), Metrics(), LineSink(sys.stdout.fileno())
    sink.enlarge_pipe_buffer()
    # Standard error takes what standard output cannot: that nobody reads it, before all.
    fallback = LineSink(sys.stderr.fileno())
    handler = SinkHandler(sink, fallback, on_drop=metrics.log_line_dropped)
    handler.setFormatter(JsonFormatter())
    set_up_logging(settings.server.log_level, handler)
    app = create_app(
        settings,
        addresses=addresses,
        audit=sink.write,
        drain=drain,
        metrics=metrics,
        watched=path,
        once_started=partial(_log_faults, settings, addresses),
    )
    Server(
        uvicorn_config(app, host=host, port=port, drain=drain),
        drain=drain,
        drain_seconds=settings.server.drain_seconds,
    ).run()


def _log_faults(settings: Settings, addresses: dict[str, Address]) -> None:
    for fault in faults(settings, addresses):
        log.error("not every caller can be served: %s", fault)


for _command in (uploads, revoke, diagnose):
    main.add_command(_command)
