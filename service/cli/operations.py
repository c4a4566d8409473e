"""`presign uploads` and `presign revoke`, which use the operator's own credentials."""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import click

from service.app.builders import store_tls_context
from service.cli.options import config_option, load
from service.clock import SystemClock
from service.config.settings import Settings
from service.config.types import check_url
from service.errors import ConfigurationError
from service.operations.abandoned_uploads import (
    BucketClient,
    SweepResult,
    parse_duration,
    store_accesses,
    summary,
    sweep,
)
from service.operations.revoke.apply import RevocationApplier
from service.operations.revoke.iam import role_policies
from service.operations.revoke.policy import (
    Target,
    configuration,
    cutoff_at,
    instructions,
    parse_cutoff,
)
from service.operations.revoke.targets import revocation_of
from service.s3.client import S3Client
from service.sessions.sts import SessionRefused, operators_credentials
from service.signing.signer import Address
from service.telemetry.logs import plain_handler, set_up_logging
from service.telemetry.metrics import Metrics

T = TypeVar("T")


def _parsed_by(parse: Callable[[str], T]) -> Callable[..., T | None]:
    """Return an option's callback. The ValueErrors of `parse` say what to write."""

    def read(_context: click.Context, _option: click.Parameter, text: str | None) -> T | None:
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read


@click.command()
@config_option
@click.option(
    "--older-than",
    callback=_parsed_by(parse_duration),
    required=True,
    metavar="AGE",
    help="The minimum age: 7d, 36h or 90m. 0m lists all uploads, even active ones.",
)
@click.option(
    "--bucket",
    "names",
    multiple=True,
    metavar="NAME",
    help="A bucket's name in the configuration; repeatable. [default: all buckets]",
)
@click.option("--abort", is_flag=True, help="Abort the listed uploads. Their parts are deleted.")
def uploads(path: Path | None, older_than: int, names: tuple[str, ...], *, abort: bool) -> None:
    """List abandoned multipart uploads, or abort them.

    These are uploads that nobody has completed or aborted, not only those of presign's callers.
    Your own credentials, from the AWS default chain, need the permissions in
    deploy/iam/abandoned-uploads.json. Prints bucket, key, upload id, start and age, separated by
    tabs. Exits with 0 only if nothing failed.
    """
    settings, addresses = load(path)
    chosen = _chosen(addresses, names)
    set_up_logging("WARNING", plain_handler())
    results = asyncio.run(_sweep(settings, chosen, older_than, abort=abort))
    click.echo(summary([*results.values()], older_than=older_than, abort=abort), err=True)
    _fail([f"bucket {name}: {each}" for name in results for each in results[name].problems])


@click.command()
@config_option
@click.argument("caller")
@click.option(
    "--at",
    callback=_parsed_by(lambda text: parse_cutoff(text, SystemClock().wall())),
    metavar="TIME",
    help="Revoke the sessions issued before TIME. [default: now]",
)
@click.option("--apply", is_flag=True, help="Put the policies on the roles.")
@click.option("--lift", is_flag=True, help="Remove the policies, when the sessions have expired.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--iam-endpoint-url",
    callback=_parsed_by(check_url),
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

    CALLER is an API key's name, or ISSUER:SUBJECT, as in the configuration. A subject can contain
    `*`. Prints the IAM policies that deny the sessions, and the configuration with which replicas
    replace them. With --apply or --lift your own credentials, from the AWS default chain, need the
    permissions in deploy/iam/revoke.json. Exits with 0 only if nothing failed.
    """
    if lift and (apply or at is not None):
        raise click.UsageError("use --lift alone; it removes the policies of any --at")
    cutoff = cutoff_at(SystemClock().wall()) if at is None else at
    settings, _ = load(path)
    try:
        revocation = revocation_of(caller, settings)
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="CALLER") from None
    _echo(f"warning: {warning}" for warning in revocation.warnings)
    if apply or lift:
        until = None if lift else cutoff
        problems = asyncio.run(_apply(revocation.targets, until, iam_endpoint_url, ask=not yes))
    else:
        problems = []
        _echo(instructions(revocation, cutoff))
    if not lift:
        _echo(configuration(revocation, cutoff))
    _fail(problems)


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _fail(problems: Sequence[str]) -> None:
    if problems:
        raise click.ClickException("some operations failed:\n" + "\n".join(problems))


def _chosen(addresses: Mapping[str, Address], names: Sequence[str]) -> dict[str, Address]:
    if not set(names) <= set(addresses):
        message = f"no such bucket is configured; there are: {', '.join(sorted(addresses))}"
        raise click.BadParameter(message, param_hint="'--bucket'")
    return {name: addresses[name] for name in names or addresses}


async def _sweep(
    settings: Settings, addresses: Mapping[str, Address], older_than: int, *, abort: bool
) -> dict[str, SweepResult]:
    """Return each bucket's result. Uses the operator's credentials."""
    clock = SystemClock()
    verify = store_tls_context(settings)
    store = S3Client(clock=clock, chance=random.random, observer=Metrics(), verify=verify)
    try:
        credentials = await operators_credentials()
        return {
            name: await sweep(
                BucketClient(name, access, store),
                older_than=older_than,
                abort=abort,
                now=clock.wall(),
                show=click.echo,
            )
            for name, access in store_accesses(addresses, credentials, clock.wall()).items()
        }
    except SessionRefused as error:
        raise click.ClickException(str(error)) from None
    finally:
        await store.close()


async def _apply(
    targets: Sequence[Target], cutoff: int | None, iam_endpoint_url: str | None, *, ask: bool
) -> list[str]:
    """Deny the sessions issued before `cutoff`, or lift the denial if it is None.

    Return the problems.
    """
    if not targets:
        return ["there is no role to change"]
    if iam_endpoint_url is None and not all(target.is_at_aws for target in targets):
        return ["some roles are not at AWS; set their IAM with --iam-endpoint-url"]
    set_up_logging("WARNING", plain_handler())
    try:
        credentials = await operators_credentials()
    except SessionRefused as error:
        return [str(error)]
    # The credentials are of one partition, so all roles are.
    client = role_policies(credentials, region=targets[0].region, endpoint_url=iam_endpoint_url)
    async with client as policies:
        applier = RevocationApplier(
            policies, show=click.echo, confirm=lambda text: not ask or click.confirm(text)
        )
        if cutoff is None:
            return await applier.lift(targets, now=SystemClock().wall())
        return await applier.deny(targets, cutoff)
