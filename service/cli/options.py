"""What the declarations of commands share.

`presign -h` reads all declarations, so they import no more of the service than `errors`. What a
command needs is imported when it runs.
"""

import json
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from service.errors import ConfigurationError, ConfigurationProblem

if TYPE_CHECKING:
    from service.app.settings import Settings
    from service.config.reading import Files
    from service.s3.endpoints import Endpoints

_PATH = click.Path(path_type=Path)

config_option = click.option(
    "--config",
    "path",
    type=_PATH,
    help="The configuration file. [default: $PRESIGN_CONFIG, or presign.yaml]",
)

as_json = click.option("--json", "is_json", is_flag=True, help="Print one JSON document.")


def config_argument(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the configuration file as `path`, by position or by --config."""

    @click.argument("file", required=False, type=_PATH, metavar="[FILE]")
    @click.option("--config", type=_PATH, hidden=True)
    @wraps(command)
    def run(*, file: Path | None, config: Path | None, **options: Any) -> None:
        if file and config:
            raise click.UsageError("name one configuration file")
        command(path=file or config, **options)

    return run


def parsed_by(parse: Callable[[str], object]) -> Callable[..., Any]:
    """Return an option's callback, also of a repeatable one.

    The ValueErrors of `parse` say what to write.
    """

    def read(_context: click.Context, _option: click.Parameter, given: Any) -> Any:
        try:
            if isinstance(given, tuple):
                return tuple(map(parse, given))
            return None if given is None else parse(given)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read


class InvalidConfiguration(click.ClickException):
    """Ends the command with the problems of the configuration."""

    def __init__(self, problems: Sequence[ConfigurationProblem]) -> None:
        count = f"{len(problems)} error{'s' if len(problems) > 1 else ''}"
        super().__init__("\n".join([f"invalid configuration ({count}):", *map(str, problems)]))
        self.problems = problems


class Loaded(NamedTuple):
    """The settings, the files that know where each is, and where the buckets are."""

    settings: "Settings"
    files: "Files"
    endpoints: "Endpoints"


def load(
    path: Path | None, *, offline: bool = False, meanwhile: Callable[[], object] | None = None
) -> Loaded:
    """Read the configuration. `offline` reads no certificate files.

    `meanwhile` is called while another process resolves the buckets. A command that soon ends has
    none, and resolves them itself in two thirds of the time. Raises InvalidConfiguration.
    """
    from service.app import settings as configuration
    from service.app.builders import locations
    from service.s3.endpoints import resolve

    try:
        settings, files = configuration.load_with_files(path, offline=offline)
    except ConfigurationError as error:
        raise InvalidConfiguration(error.problems) from None
    try:
        endpoints = resolve(
            locations(settings), in_process=meanwhile is None, meanwhile=meanwhile or bool
        )
        return Loaded(settings, files, endpoints)
    except ConfigurationError as error:
        raise InvalidConfiguration([files.located(problem) for problem in error.problems]) from None


def traces_endpoint() -> str | None:
    """Return the URL that spans are sent to, or None. Raises InvalidConfiguration."""
    from service.config import process

    try:
        return process.traces_endpoint()
    except ConfigurationError as error:
        raise InvalidConfiguration(error.problems) from None


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2))


def warn(text: str, *, err: bool = False) -> None:
    click.echo(f"{click.style('warning:', fg='yellow')} {text}", err=err)
