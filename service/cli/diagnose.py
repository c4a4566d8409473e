"""Why a signed request failed, asked on the command line."""

import sys
import time
from typing import IO
from urllib.parse import urlsplit

import click

from service.cli.explain import (
    NotAsked,
    diagnose_locally,
    diagnose_remotely,
    parse_headers,
    words,
)
from service.config.settings import callers_token
from service.diagnosis.request import MAX_BODY_LENGTH, MAX_URL_LENGTH, ReportedRequest


@click.command()
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
    try:
        asked = ReportedRequest(
            method=method,
            url=_pasted_url(url_file),
            headers=headers if headers or no_headers else None,
            status=status,
            body=None if response is None else _text(response.read(MAX_BODY_LENGTH)),
        )
        if service is not None and _in_the_clear(service):
            click.echo("warning: http shows the URL and PRESIGN_TOKEN to all on the way", err=True)
        findings = (
            diagnose_locally(asked, time.time())
            if service is None
            else diagnose_remotely(asked, service, _token())
        )
    except NotAsked as error:
        raise click.UsageError(str(error)) from None
    except (click.Abort, KeyboardInterrupt):  # click would exit with 1
        raise click.UsageError("it was not asked") from None
    for line in words(findings):
        click.echo(line)
    sys.exit(1 if findings else 0)


def _pasted_url(file: IO[bytes] | None) -> str:
    if file is None and sys.stdin is None:  # it was closed
        raise click.UsageError("there is no standard input to read the URL from")
    if file is None and sys.stdin.isatty():
        return str(click.prompt("URL (is not shown)", hide_input=True, err=True))
    source = sys.stdin.buffer if file is None else file
    url = _text(source.read(MAX_URL_LENGTH + 1)).strip()
    if not url or len(url) > MAX_URL_LENGTH:
        raise click.UsageError(f"give a URL of 1 to {MAX_URL_LENGTH} characters on standard input")
    return url


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _in_the_clear(service: str) -> bool:
    """Whether others on the way could read what is sent there."""
    try:
        parts = urlsplit(service)
    except ValueError:  # it cannot be asked, and is told so
        return False
    return parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}


def _token() -> str:
    if (token := callers_token()) is None:
        raise click.UsageError("PRESIGN_TOKEN is not set: it has the API key or token to ask with")
    return token
