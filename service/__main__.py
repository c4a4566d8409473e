"""The commands: `presign` and `python -m service`."""

import asyncio
import logging
from pathlib import Path

import click
import uvicorn

from service import __version__
from service.access.api_keys import digest_of, new_key
from service.app import create_app, locations
from service.check import describe, warnings
from service.endpoints import resolve
from service.errors import ConfigurationError
from service.redaction import RedactingFormatter
from service.settings import Settings, load_settings
from service.signing.signer import Address

_config = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="The configuration file; default: PRESIGN_CONFIG, else presign.yaml.",
)
# They log the bodies of STS's answers at DEBUG, and those hold secrets.
_TALKATIVE = ("botocore", "aiobotocore", "aioboto3", "boto3", "aiohttp", "httpx", "httpcore")


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
    settings, addresses = _configuration(path)
    set_up_logging(settings.server.log_level)
    run(settings, addresses, host=host, port=port)


@main.command()
@_config
def check(path: Path | None) -> None:
    """Say what is wrong with the configuration, or what each caller may do."""
    settings, addresses = _configuration(path)
    for line in describe(settings, addresses):
        click.echo(line)
    for line in warnings(settings):
        click.echo(f"warning: {line}")


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

    set_up_logging("WARNING")
    run_demo(port=port, store_port=store_port)


def set_up_logging(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))


def run(settings: Settings, addresses: dict[str, Address], *, host: str, port: int) -> None:
    uvicorn.run(
        create_app(settings, addresses=addresses),
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,  # dear, and no place for what may hold a secret
        log_config=None,
        proxy_headers=False,
        server_header=False,
    )


def _configuration(path: Path | None) -> tuple[Settings, dict[str, Address]]:
    try:
        settings = load_settings(path)
        return settings, asyncio.run(resolve(locations(settings)))
    except ConfigurationError as error:
        raise click.ClickException("the configuration is not served:\n" + str(error)) from None


if __name__ == "__main__":
    main()
