"""What an operator does with credentials of its own: end what nobody ends, and end it at once."""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import click

from service.app.builders import store_tls_context
from service.cli.options import config_option, configured
from service.clock import SystemClock
from service.config.settings import Settings
from service.config.types import check_url
from service.errors import ConfigurationError
from service.operations.abandoned_uploads import (
    BucketSession,
    SweepResult,
    parse_duration,
    store_accesses,
    summary,
    sweep,
)
from service.operations.revoke.apply import apply_revocation
from service.operations.revoke.policy import (
    Target,
    configuration,
    cutoff_at,
    denial,
    parse_cutoff,
)
from service.operations.revoke.targets import revocation_of
from service.s3.client import S3Client
from service.sessions.sts import SessionRefused, operators_credentials
from service.signing.signer import Address
from service.telemetry.logs import plain_handler, set_up_logging
from service.telemetry.metrics import Metrics

T = TypeVar("T")


def _by(
    parse: Callable[[str], T],
) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    """An option as `parse` reads it, whose ValueError has words for an operator."""

    def read(_: click.Context, _option: click.Parameter, text: str | None) -> T | None:
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read


def _past(text: str) -> int:
    return parse_cutoff(text, SystemClock().wall())


@click.command()
@config_option
@click.option(
    "--older-than",
    callback=_by(parse_duration),
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
    bucket, key, upload id, since when, and age, separated by tabs. Exits with 0 only if all was done.
    """
    settings, addresses = configured(path)
    chosen = _chosen(addresses, names)
    set_up_logging("WARNING", plain_handler())
    swept = asyncio.run(_sweep(settings, chosen, older_than, abort=abort))
    click.echo(summary([*swept.values()], older_than=older_than, abort=abort), err=True)
    problems = [f"bucket {name}: {words}" for name in swept for words in swept[name].problems]
    if problems:
        raise click.ClickException("some operations failed:\n" + "\n".join(problems))


@click.command()
@config_option
@click.argument("caller")
@click.option("--at", callback=_by(_past), metavar="TIME", help="Sessions issued before; now.")
@click.option("--apply", is_flag=True, help="Put the statements on the roles.")
@click.option("--lift", is_flag=True, help="Take them away again, once no such session lives.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--iam-endpoint-url",
    callback=_by(check_url),
    metavar="URL",
    help="Of a store that is not AWS's.",
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
    """End a caller's sessions, and with them all URLs that they signed.

    CALLER is an API key's name, or ISSUER:SUBJECT, both as in the configuration; a subject may have `*`.
    Prints the IAM statement that denies the sessions, and the line of the configuration by which every
    replica makes new ones. With --apply or --lift your own credentials, of the AWS default chain, need
    what deploy/iam/revoke.json allows. Exits with 0 only if all was done.
    """
    if lift and (apply or at is not None):
        raise click.UsageError(
            "give --lift alone: it takes away what was applied, whenever that was"
        )
    moment = cutoff_at(SystemClock().wall()) if at is None else at
    settings, _ = configured(path)
    try:
        revocation = revocation_of(caller, settings)
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="CALLER") from None
    problems = []
    for warning in revocation.warnings:
        click.echo(f"warning: {warning}")
    if apply or lift:
        until = None if lift else moment
        problems = _thrown(revocation.targets, until, iam_endpoint_url, ask=not yes)
    else:
        _echo(denial(revocation, moment))
    if not lift:
        _echo(configuration(revocation, moment))
    if problems:
        raise click.ClickException("some operations failed:\n" + "\n".join(problems))


def _chosen(addresses: Mapping[str, Address], names: Sequence[str]) -> dict[str, Address]:
    if not set(names) <= set(addresses):
        known = ", ".join(sorted(addresses))
        told = f"no such bucket is configured; there are: {known}"
        raise click.BadParameter(told, param_hint="'--bucket'")
    return {name: addresses[name] for name in names or addresses}


async def _sweep(
    settings: Settings, addresses: Mapping[str, Address], older_than: int, *, abort: bool
) -> dict[str, SweepResult]:
    """What comes of each bucket, with the credentials of whoever runs the command."""
    clock = SystemClock()
    store = S3Client(
        clock=clock,
        chance=random.random,
        observer=Metrics(),
        verify=store_tls_context(settings),
    )
    try:
        credentials = await operators_credentials()
        return {
            name: await sweep(
                BucketSession(name, leave, store),
                older_than=older_than,
                abort=abort,
                now=clock.wall(),
                show=click.echo,
            )
            for name, leave in store_accesses(addresses, credentials, clock.wall()).items()
        }
    except SessionRefused as error:
        raise click.ClickException(str(error)) from None
    finally:
        await store.close()


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _thrown(
    targets: Sequence[Target], moment: int | None, iam_endpoint_url: str | None, *, ask: bool
) -> list[str]:
    """What failed of denying the sessions issued before `moment`, or, without one, of lifting that."""
    if not targets:
        return ["there is no role to put it on"]
    if iam_endpoint_url is None and not all(target.is_at_aws for target in targets):
        return ["not all roles are AWS's; name their IAM with --iam-endpoint-url"]
    set_up_logging("WARNING", plain_handler())
    now = SystemClock().wall()

    def agreed(question: str) -> bool:
        return not ask or click.confirm(question)

    try:
        return asyncio.run(
            apply_revocation(
                targets, moment, iam_endpoint_url, now=now, show=click.echo, agreed=agreed
            )
        )
    except SessionRefused as error:
        return [str(error)]
