"""The group of all commands."""

from importlib import import_module
from typing import Any

import click

from presign_client import __version__

OWN = ("put", "get", "url", "ls", "rm", "link", "whoami")
EPILOG = """\b
Examples:
  presign put report.pdf reports/2026/q3.pdf
  presign url reports/2026/q3.pdf --expires-in 15m
\b
Environment:
  PRESIGN_URL         where presign is, such as https://presign.example.com
  PRESIGN_TOKEN       an API key or a JWT
  PRESIGN_TOKEN_FILE  a file that has it, read again for each call
"""


class Commands(click.Group):
    """Imports a command when it is needed: `presign --version` needs none."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(OWN)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in OWN:
            return None
        module: Any = import_module(f"presign_client.commands.{cmd_name}")
        command: click.Command = module.command
        return command


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG
)
@click.version_option(__version__, prog_name="presign")
def main() -> None:
    """Upload, download and share objects of S3 without AWS credentials."""
