"""The group of all commands."""

import os
import sys
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from presign_client import __version__
from presign_client.commands.failures import line_of, print_failure
from presign_client.commands.output import discard_what_cannot_be_written

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

OWN = (
    "put",
    "get",
    "url",
    "ls",
    "cp",
    "mv",
    "rm",
    "versions",
    "link",
    "links",
    "whoami",
    "credentials",
    "agent",
    "completion",
)
REVOKE = "link revoke"
# Those of presign-server, which adds them by entry points where it is installed.
OF_THE_SERVICE = (
    "check",
    "demo",
    "diagnose",
    "iam",
    "init",
    "new-key",
    "new-link-key",
    "revoke",
    "schema",
    "serve",
)
EPILOG = """\b
Examples:
  presign put report.pdf reports/2026/q3.pdf
  presign url reports/2026/q3.pdf --expires-in 15m

\b
Environment:
  PRESIGN_URL         where presign is, such as https://presign.example.com
  PRESIGN_TOKEN       an API key or a JWT
  PRESIGN_TOKEN_FILE  a file that has it, read again for each call
  NO_COLOR            no colours, if it is not empty

\b
Exit codes:
  0  all was done
  1  something was refused or failed: standard error has a line about it
  2  the command line is wrong
"""


class Commands(click.Group):
    """Imports a command when it is needed: `presign --version` needs none.

    Other packages add commands by entry points of the group `presign.commands`, whose value is a
    command, or a group that has it.
    """

    def main(self, *arguments: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run a command line. Output that cannot be written, also of a help, is one line."""
        run = partial(super().main, *arguments, **options)
        if not standalone_mode:
            return run(standalone_mode=False)
        try:
            return run()
        except OSError as error:
            print_failure(line_of(error))
            sys.exit(1)
        finally:
            discard_what_cannot_be_written()

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return [*OWN, *sorted(_added().keys() - set(OWN))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in OWN or cmd_name == REVOKE:
            name = cmd_name.replace(" ", "_")
            module: Any = import_module(f"presign_client.commands.{name}")
            own: click.Command = module.command
            return own
        found = _added().get(cmd_name)
        loaded = found.load() if found else None
        if isinstance(loaded, click.Group):
            return loaded.get_command(ctx, cmd_name)
        return loaded if isinstance(loaded, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        args = _with_one_name(args)
        name = args[0]
        if name not in OWN and name != REVOKE and name not in _added():
            ctx.fail(_unknown(name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def _unknown(name: str, known: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - seldom needed

    if name in OF_THE_SERVICE:
        return f"'{name}' is a command of the service: install presign-server."
    near = get_close_matches(name, known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"No such command '{name}'.{hint}"


def _with_one_name(args: list[str]) -> list[str]:
    # `presign link revoke` alone is a link to all of a bucket with this name.
    return [REVOKE, *args[2:]] if args[:2] == REVOKE.split() and args[2:] else args


@cache  # it reads the metadata of all packages, which takes some ms
def _added() -> "dict[str, EntryPoint]":
    # Imported here, and not for OWN: it would take a fifth of the start of `presign get`.
    from importlib.metadata import entry_points  # noqa: PLC0415

    return {command.name: command for command in entry_points(group="presign.commands")}


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG
)
@click.version_option(__version__, prog_name="presign")
def main() -> None:
    """Upload, download and share objects of S3 without AWS credentials."""
    if os.environ.get("NO_COLOR"):
        click.get_current_context().color = False
