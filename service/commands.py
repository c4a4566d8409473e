"""What `presign` can be told to do."""

import asyncio
import logging
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import click

from service import __version__
from service.abandoned import Place, Swept, leaves, parse_duration, summary, sweep
from service.access.api_keys import digest_of, new_key
from service.app import create_app
from service.audit_sink import AuditSink
from service.check import describe, faults, warnings
from service.diagnosis.sent import MAX_BODY_LENGTH, MAX_URL_LENGTH, Asked
from service.drain import Drain
from service.endpoints import resolve
from service.errors import ConfigurationError
from service.explaining import NotAsked, here, parse_headers, there, words
from service.logs import JsonFormatter, SinkHandler, plain_handler, set_up_logging
from service.metrics import Metrics
from service.parts import locations
from service.running import store_authorities
from service.server.run import Server, config
from service.sessions.session import SystemClock
from service.sessions.sts import SessionRefused, operators_credentials
from service.settings import Settings, callers_token, configuration_path, load_settings
from service.signing.signer import Address
from service.store.calls import StoreCalls

log = logging.getLogger(__name__)

_config = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="The configuration file; default: PRESIGN_CONFIG, else presign.yaml.",
)


def _duration(_: click.Context, _option: click.Parameter, text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group()
@click.version_option(__version__, prog_name="presign")
def main() -> None:
    """Pre-signed S3 requests over HTTP."""


@main.command()
@_config
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
def serve(path: Path | None, host: str, port: int) -> None:
    """Run the service."""
    path = configuration_path(path)
    settings, addresses = _configuration(path)
    run(path, settings, addresses, host=host, port=port)


@main.command()
@_config
def check(path: Path | None) -> None:
    """Say what is wrong with the configuration, or what each caller may do."""
    settings, addresses = _configuration(path)
    for line in describe(settings, addresses):
        click.echo(line)
    for line in warnings(settings):
        click.echo(f"warning: {line}")
    if found := list(faults(settings, addresses)):
        raise click.ClickException("not every caller can be served:\n" + "\n".join(found))


@main.command()
@_config
@click.option(
    "--older-than",
    callback=_duration,
    required=True,
    metavar="AGE",
    help="Such as 7d, 36h or 90m; 0m is all, those under way too.",
)
@click.option("--bucket", "names", multiple=True, help="By its name in the file; all without.")
@click.option("--abort", is_flag=True, help="End what is listed. Its parts are lost.")
def uploads(path: Path | None, older_than: int, names: tuple[str, ...], *, abort: bool) -> None:
    """List uploads in parts that nobody has completed or aborted, or end them.

    All of a bucket are looked at, whoever began them and whatever the grants cover. Your own
    credentials, of the AWS default chain, need what deploy/iam/abandoned-uploads.json allows. A line is
    bucket, key, upload id, since when, and age, parted by tabs. Exits with 0 only if all was done.
    """
    settings, addresses = _configuration(path)
    chosen = _chosen(addresses, names)
    set_up_logging("WARNING", plain_handler())
    swept = asyncio.run(_sweep(settings, chosen, older_than, abort=abort))
    click.echo(summary([*swept.values()], older_than=older_than, abort=abort), err=True)
    problems = [f"bucket {name}: {words}" for name in swept for words in swept[name].problems]
    if problems:
        raise click.ClickException("not all was done:\n" + "\n".join(problems))


@main.command()
@click.option("--method", default="GET", show_default=True, help="As it was sent.")
@click.option(
    "--header", "-H", "lines", multiple=True, help="'Name: value', as it was sent; repeat it."
)
@click.option(
    "--no-headers", is_flag=True, help="None was sent, but what libraries set themselves."
)
@click.option("--status", type=click.IntRange(100, 599), help="That the store answered.")
@click.option("--response", type=click.File("rb"), help="A file with what the store answered.")
@click.option("--url-file", type=click.File("rb"), help="A file with the URL; else standard input.")
@click.option("--service", help="Ask the service there, which knows its sessions.")
def diagnose(
    *,
    method: str,
    lines: tuple[str, ...],
    no_headers: bool,
    status: int | None,
    response: IO[bytes] | None,
    url_file: IO[bytes] | None,
    service: str | None,
) -> None:
    """Say why a signed request failed, and what to change.

    The URL is read from standard input, or asked for, and is no argument: others see those. With
    --service, PRESIGN_TOKEN has the API key or token to ask with; without it nothing is sent
    anywhere, and what only the session's secret proves is not found. Exits with 0 if nothing is
    found, 1 if something is, and 2 if it could not be asked.
    """
    try:
        headers = parse_headers(lines)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--header'") from None
    asked = Asked(
        method=method,
        url=_pasted_url(url_file),
        headers=headers if headers or no_headers else None,
        status=status,
        body=None if response is None else _text(response.read(MAX_BODY_LENGTH)),
    )
    try:
        findings = here(asked, time.time()) if service is None else there(asked, service, _token())
    except NotAsked as error:
        raise click.UsageError(str(error)) from None
    for line in words(findings):
        click.echo(line)
    sys.exit(1 if findings else 0)


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
    from service.demo import run_demo  # noqa: PLC0415

    set_up_logging("WARNING", plain_handler())
    run_demo(port=port, store_port=store_port)


def run(
    path: Path, settings: Settings, addresses: dict[str, Address], *, host: str, port: int
) -> None:
    """The service, until it is told to end. The file at `path` is watched."""
    drain, metrics, sink = Drain(), Metrics(), AuditSink(sys.stdout.fileno())
    sink.enlarge()
    # Standard error takes what standard output cannot: that nobody reads it, before all.
    fallback = AuditSink(sys.stderr.fileno())
    handler = SinkHandler(sink, fallback, on_drop=metrics.log_line_dropped)
    handler.setFormatter(JsonFormatter())
    set_up_logging(settings.server.log_level, handler)
    for fault in faults(settings, addresses):
        log.error("not every caller can be served: %s", fault)
    app = create_app(
        settings,
        addresses=addresses,
        audit=sink.write,
        drain=drain,
        metrics=metrics,
        watched=path,
    )
    Server(
        config(app, host=host, port=port, drain=drain),
        drain=drain,
        drain_seconds=settings.server.drain_seconds,
    ).run()


def _pasted_url(file: IO[bytes] | None) -> str:
    if file is None and sys.stdin.isatty():
        return str(click.prompt("URL (is not shown)", hide_input=True, err=True))
    source = sys.stdin.buffer if file is None else file
    url = _text(source.read(MAX_URL_LENGTH + 1)).strip()
    if not url or len(url) > MAX_URL_LENGTH:
        raise click.UsageError(f"give a URL of 1 to {MAX_URL_LENGTH} characters on standard input")
    return url


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _token() -> str:
    if (token := callers_token()) is None:
        raise click.UsageError("PRESIGN_TOKEN is not set: it has the API key or token to ask with")
    return token


def _chosen(addresses: Mapping[str, Address], names: Sequence[str]) -> dict[str, Address]:
    if not set(names) <= set(addresses):
        known = ", ".join(sorted(addresses))
        told = f"no such bucket is configured; there are: {known}"
        raise click.BadParameter(told, param_hint="'--bucket'")
    return {name: addresses[name] for name in names or addresses}


async def _sweep(
    settings: Settings, addresses: Mapping[str, Address], older_than: int, *, abort: bool
) -> dict[str, Swept]:
    """What comes of each bucket, with the credentials of whoever runs the command."""
    clock = SystemClock()
    store = StoreCalls(
        clock=clock,
        chance=random.random,
        observer=Metrics(),
        verify=store_authorities(settings),
    )
    try:
        credentials = await operators_credentials()
        return {
            name: await sweep(
                Place(name, leave, store),
                older_than=older_than,
                abort=abort,
                now=clock.wall(),
                show=click.echo,
            )
            for name, leave in leaves(addresses, credentials, clock.wall()).items()
        }
    except SessionRefused as error:
        raise click.ClickException(str(error)) from None
    finally:
        await store.close()


def _configuration(path: Path | None) -> tuple[Settings, dict[str, Address]]:
    try:
        settings = load_settings(path)
        return settings, asyncio.run(resolve(locations(settings)))
    except ConfigurationError as error:
        raise click.ClickException("the configuration is not served:\n" + str(error)) from None
