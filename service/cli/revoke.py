"""`presign revoke`, which uses the operator's own credentials."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.options import config_option, load, parsed_by, warn
from service.clock import SystemClock
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from service.operations.revoke.policy import Target


def _cutoff(text: str) -> int:
    from service.operations.revoke.policy import parse_cutoff

    return parse_cutoff(text, SystemClock().wall())


def _url(text: str) -> str:
    from service.config.texts import check_url

    return check_url(text)


@click.command(
    epilog="""\b
Examples:
  presign revoke billing
  presign revoke billing --apply
  presign revoke https://issuer.example:ada --at 2026-11-24T20:00:00Z
"""
)
@config_option
@click.argument("caller")
@click.option(
    "--at",
    callback=parsed_by(_cutoff),
    metavar="TIME",
    help="Revoke the sessions issued before TIME. [default: now]",
)
@click.option("--apply", is_flag=True, help="Put the policies on the roles.")
@click.option("--lift", is_flag=True, help="Remove the policies, when the sessions have expired.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--iam-endpoint-url",
    callback=parsed_by(_url),
    metavar="URL",
    help="The URL of IAM, if the store is not AWS.",
)
def revoke(
    path: Path | None,
    caller: str,
    at: int | None,
    *,
    apply: bool,
    lift: bool,
    yes: bool,
    iam_endpoint_url: str | None,
) -> None:
    """End a caller's sessions, and so all URLs that they signed.

    CALLER is an API key's name, or ISSUER:SUBJECT with the subject of one caller. Prints the IAM
    policies that deny the sessions, and the configuration with which replicas replace them. With
    --apply or --lift your own credentials, from the AWS default chain, need the permissions in
    deploy/iam/revoke.json. Exits with 0 only if nothing failed.
    """
    from service.operations.revoke.output import configuration, instructions
    from service.operations.revoke.policy import cutoff_at
    from service.operations.revoke.targets import revocation_of

    if lift and (apply or at is not None):
        raise click.UsageError("use --lift alone; it removes the policies of any --at")
    cutoff = cutoff_at(SystemClock().wall()) if at is None else at
    settings = load(path).settings
    try:
        revocation = revocation_of(caller, settings)
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="CALLER") from None
    for warning in revocation.warnings:
        warn(warning)
    problems: list[str] = []
    if apply or lift:
        new = None if lift else cutoff
        problems = _change_policies(revocation.targets, new, iam_endpoint_url, yes=yes)
    else:
        _echo(instructions(revocation, cutoff))
    if not lift:
        _echo(configuration(revocation, cutoff))
    if problems:
        raise click.ClickException("some operations failed:\n" + "\n".join(problems))


def _change_policies(
    targets: "Sequence[Target]", cutoff: int | None, iam_endpoint_url: str | None, *, yes: bool
) -> list[str]:
    """Change the roles' policies, as `change_policies` does, and return the problems."""
    import asyncio

    from service.operations.revoke.apply import change_policies
    from service.sessions.source import SessionRefused
    from service.telemetry.logs import plain_handler, set_up_logging

    set_up_logging("WARNING", plain_handler())
    changing = change_policies(
        targets,
        cutoff,
        iam_endpoint_url,
        show=click.echo,
        confirm=lambda text: yes or click.confirm(text),
    )
    try:
        return asyncio.run(changing)
    except SessionRefused as error:
        return [str(error)]


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
