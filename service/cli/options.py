"""The configuration that a command is about."""

import asyncio
from pathlib import Path

import click

from service.app.builders import locations
from service.config.settings import Settings, load_settings
from service.errors import ConfigurationError
from service.s3.endpoints import resolve
from service.signing.signer import Address

config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="The configuration file; default: PRESIGN_CONFIG, else presign.yaml.",
)


def configured(path: Path | None, *, offline: bool = False) -> tuple[Settings, dict[str, Address]]:
    """With `offline` no file of certificates is read."""
    try:
        settings = load_settings(path, offline=offline)
        return settings, asyncio.run(resolve(locations(settings)))
    except ConfigurationError as error:
        raise click.ClickException("the configuration is not served:\n" + str(error)) from None
