"""The `--config` option, and the configuration that it names."""

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
    help="The configuration file. [default: $PRESIGN_CONFIG, or presign.yaml]",
)


def load(path: Path | None, *, offline: bool = False) -> tuple[Settings, dict[str, Address]]:
    """Return the settings and each bucket's address. `offline` reads no certificate files.

    Raises ClickException if the configuration is invalid.
    """
    try:
        settings = load_settings(path, offline=offline)
        return settings, asyncio.run(resolve(locations(settings)))
    except ConfigurationError as error:
        count = f"{len(error.problems)} error{'s' if len(error.problems) > 1 else ''}"
        raise click.ClickException(f"invalid configuration ({count}):\n{error}") from None
