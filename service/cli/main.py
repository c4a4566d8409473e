"""The `presign` command of the service: all its subcommands."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from service import __version__
from service.cli.diagnose import diagnose
from service.cli.iam import iam
from service.cli.init import init
from service.cli.options import (
    InvalidConfiguration,
    as_json,
    config_argument,
    load,
    print_json,
    traces_endpoint,
    warn,
)
from service.cli.revoke import revoke

if TYPE_CHECKING:
    from service.cli.check.report import Report


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="presign")
@click.option("--no-color", envvar="NO_COLOR", flag_value="1", is_flag=True, type=str, hidden=True)
def main(no_color: str | None) -> None:
    """Hand out pre-signed S3 requests over HTTP."""
    if no_color:  # any value but an empty one turns colours off: no-color.org
        click.get_current_context().color = False


@main.command(
    epilog="""\b
Examples:
  presign serve
  presign serve presign.yaml --host 0.0.0.0 --port 8000
"""
)
@config_argument
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
def serve(path: Path | None, host: str, port: int) -> None:
    """Run the service.

    FILE is the configuration, by default $PRESIGN_CONFIG or presign.yaml. A change of it takes
    effect within seconds. SIGTERM ends the service after the requests in progress.
    """
    from service.concurrency.event_loop import without_garbage_collection

    # Collections while the modules and the settings are read take a tenth of the start. Later each
    # full collection would block the event loop for 50 ms to visit a hundred thousand objects.
    with without_garbage_collection():
        from service.config.process import configuration_fingerprint, configuration_path

        path = configuration_path(path)
        read_as = configuration_fingerprint(path)
        loaded = load(path, meanwhile=lambda: import_module("service.cli.serve"))
        settings, addresses = loaded.settings, loaded.endpoints.addresses
        del loaded  # the document of 40,000 callers takes 95 MiB
        from service.cli.serve import run

    run(
        path,
        settings,
        addresses,
        read_as=read_as,
        host=host,
        port=port,
        traces=traces_endpoint(),
    )


@main.command(
    epilog="""\b
Examples:
  presign check
  presign check presign.yaml --offline --strict
  presign check --live
  presign check presign.yaml --caller billing
  presign check presign.yaml --as - < token
  presign check presign.yaml --json | jq .warnings
"""
)
@config_argument
@click.option(
    "--offline",
    is_flag=True,
    help="Do not read ca_file, ca_bundle and the keys of links. For CI, where they are missing.",
)
@click.option(
    "--live",
    is_flag=True,
    help="Also assume each role, send signed requests, and ask issuers and shared stores.",
)
@click.option("--strict", is_flag=True, help="Warn of more, and exit with 1 for a warning.")
@click.option(
    "--caller", metavar="NAME", help="Show only what this API key, subject or pattern may do."
)
@click.option(
    "--as",
    "token_source",
    metavar="FILE",
    help="Show which entries match the token in FILE, or - for standard input, and what it may do.",
)
@click.option("--verbose", is_flag=True, help="Also show the ages that bucket policies can deny.")
@as_json
def check(
    path: Path | None,
    *,
    offline: bool,
    live: bool,
    strict: bool,
    caller: str | None,
    token_source: str | None,
    verbose: bool,
    is_json: bool,
) -> None:
    """Check the configuration, and show what each caller may do.

    Prints a verdict, then the warnings, then who may do what. FILE is the configuration, by default
    $PRESIGN_CONFIG or presign.yaml. Exits with 1 if it is invalid, if it has an error, or
    with --live if something does not work.
    """
    from datetime import UTC, datetime

    from service.cli.check.report import Report, report
    from service.concurrency.event_loop import without_garbage_collection

    if live and offline:
        raise click.UsageError("--live needs the files that --offline does not read")
    if token_source is not None:
        if live or strict or caller is not None:
            raise click.UsageError("--as goes with --offline and --json only")
        _check_token(path, token_source, offline=offline, is_json=is_json)
        return
    try:
        now, traces = datetime.now(UTC), traces_endpoint()
        with without_garbage_collection():  # it takes a third of the time with 4,000 callers
            loaded = load(path, offline=offline)
            found = report(
                loaded, now, offline=offline, traces=traces, caller=caller, strict=strict
            )
        if caller is not None and not found.callers:
            raise click.UsageError("no caller has this name or subject, and no pattern matches it")
        if live:
            from service.cli.check.live import add_live

            found = add_live(found, loaded)
    except InvalidConfiguration as invalid:
        if not is_json:
            raise
        found = Report(errors=invalid.problems)
    if is_json:
        print_json(found.document())
    else:
        _print_report(found, only_callers=caller is not None, verbose=verbose)
    if found.errors or (strict and found.warnings):
        click.get_current_context().exit(1)


def _check_token(path: Path | None, source: str, *, offline: bool, is_json: bool) -> None:
    import time

    from service.cli.check.token import explain, read_token

    loaded = load(path, offline=offline)
    found = explain(loaded, read_token(source), time.time(), offline=offline)
    if is_json:
        print_json(found.document())
    else:
        click.echo("\n".join(found.lines()))


def _print_report(found: "Report", *, only_callers: bool, verbose: bool) -> None:
    if not only_callers and found.file:
        click.echo(found.verdict)
        for line in found.warning_lines():
            warn(line)
        for line in found.not_checked:
            click.echo(f"not checked: {line}")
    for line in found.live or ():
        click.echo(f"live: {line}")
    for line in found.lines(verbose=verbose):
        click.echo(line)
    if found.errors:
        head = "must be corrected:" if found.live is None else "not everything works:"
        lines = [head, *map(str, found.errors)]
        raise click.ClickException("\n".join(lines))


@main.command(
    name="new-key",
    epilog="""\b
Examples:
  presign new-key
  presign new-key --json | jq -r .sha256
""",
)
@as_json
def print_new_key(*, is_json: bool) -> None:
    """Print a random API key and its digest.

    The configuration has the digest as `sha256`. The caller sends the key.
    """
    from service.auth.api_keys import digest_of, new_key

    key = new_key()
    if is_json:
        print_json({"key": key, "sha256": digest_of(key)})
    else:
        click.echo(f"key:    {key}")
        click.echo(f"sha256: {digest_of(key)}")


@main.command(
    name="new-link-key",
    epilog="""\b
Example:
  presign new-link-key > link.key
""",
)
def print_new_link_key() -> None:
    """Print a random key for share links.

    It is the content of a file that `links.keys` names.
    """
    import secrets

    from service.config.key_files import KEY_BYTES, new_key

    click.echo(new_key(secrets.token_bytes(KEY_BYTES)))


@main.command(
    epilog="""\b
Examples:
  presign schema > presign.schema.json
  presign schema callers > callers.schema.json
"""
)
@click.argument("section", required=False, type=click.Choice(["callers", "buckets"]))
def schema(section: Literal["callers", "buckets"] | None) -> None:
    """Print the JSON Schema of the configuration file.

    With `callers` it is that of a team's file in callers_dir, with `buckets` of one in buckets_dir.
    Editors use it to complete and check settings. In the first line of the file, write
    `# yaml-language-server: $schema=./presign.schema.json`.
    """
    from service.app.schema import configuration_schema, part_schema

    print_json(configuration_schema() if section is None else part_schema(section))


@main.command(
    epilog="""\b
Examples:
  presign demo --port 8080 --store-port 9000
  presign demo --origin http://localhost:3000
"""
)
@click.option("--port", default=8000, show_default=True, help="The service's port.")
@click.option("--store-port", default=5000, show_default=True, help="The fake S3's port.")
@click.option(
    "--origin",
    "origins",
    metavar="URL",
    multiple=True,
    help="An origin whose pages may call the service. Repeat it for several.",
)
def demo(port: int, store_port: int, origins: tuple[str, ...]) -> None:
    """Run the service and a fake S3, ready for curl.

    The fake S3 refuses what S3 refuses.
    """
    from service.demo.run import run_demo

    run_demo(port=port, store_port=store_port, origins=origins)


for _command in (diagnose, iam, init, revoke):
    main.add_command(_command)
