"""The `presign` command and its subcommands."""

import logging
import secrets
import sys
from functools import partial
from pathlib import Path

import click

from service import __version__
from service.app.factory import create_app
from service.auth.api_keys import digest_of, new_key
from service.cli.check import describe, oversized_policies, skipped_files, warnings
from service.cli.demo import demo
from service.cli.diagnose import diagnose
from service.cli.operations import revoke, uploads
from service.cli.options import config_option, load
from service.config.links import KEY_BYTES
from service.config.links import new_key as new_link_key
from service.config.settings import Settings, configuration_path
from service.server.run import Server, uvicorn_config
from service.server.shutdown import Drain
from service.signing.signer import Address
from service.telemetry.line_sink import LineSink
from service.telemetry.logs import JsonFormatter, SinkHandler, set_up_logging
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


@click.group()
@click.version_option(__version__, prog_name="presign")
def main() -> None:
    """Hand out pre-signed S3 requests over HTTP."""


@main.command()
@config_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
def serve(path: Path | None, host: str, port: int) -> None:
    """Run the service."""
    path = configuration_path(path)
    run(path, *load(path), host=host, port=port)


@main.command()
@config_option
@click.option(
    "--offline",
    is_flag=True,
    help="Do not read ca_file, ca_bundle and the keys of links. For CI, where they are missing.",
)
def check(path: Path | None, *, offline: bool) -> None:
    """Check the configuration, and show what each caller may do."""
    settings, addresses = load(path, offline=offline)
    for line in describe(settings, addresses):
        click.echo(line)
    for line in warnings(settings):
        click.echo(f"warning: {line}")
    for line in skipped_files(settings) if offline else ():
        click.echo(f"not checked: {line}")
    if problems := list(oversized_policies(settings, addresses)):
        raise click.ClickException("some callers cannot be served:\n" + "\n".join(problems))


@main.command(name="new-key")
def print_new_key() -> None:
    """Print a random API key, and its digest for the configuration."""
    key = new_key()
    click.echo(f"key:    {key}")
    click.echo(f"sha256: {digest_of(key)}")


@main.command(name="new-link-key")
def print_new_link_key() -> None:
    """Print a random key for share links, as the content of a file of `links.keys`."""
    click.echo(new_link_key(secrets.token_bytes(KEY_BYTES)))


def run(
    path: Path, settings: Settings, addresses: dict[str, Address], *, host: str, port: int
) -> None:
    """Run the service until a signal ends it. Reload the file at `path` when it changes."""
    drain, metrics, sink = Drain(), Metrics(), LineSink(sys.stdout.fileno())
    sink.enlarge_pipe_buffer()
    # Log to standard error what standard output cannot take, for example that its reader is gone.
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
        once_started=partial(_log_oversized_policies, settings, addresses),
    )
    Server(
        uvicorn_config(
            app, host=host, port=port, drain=drain, body_discarded=metrics.body_discarded
        ),
        drain=drain,
        drain_seconds=settings.server.drain_seconds,
    ).run()


def _log_oversized_policies(settings: Settings, addresses: dict[str, Address]) -> None:
    for problem in oversized_policies(settings, addresses):
        log.error("a caller cannot be served: %s", problem)


for _command in (demo, uploads, revoke, diagnose):
    main.add_command(_command)
