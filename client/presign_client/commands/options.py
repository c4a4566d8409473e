"""What all commands share: where presign is, what they print, and how they fail."""

import atexit
import gc
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from presign_client.commands.failures import Failure, line_of, print_failure
from presign_client.errors import PresignError
from presign_client.transfers.pace import PARALLEL

if TYPE_CHECKING:
    from presign_client.calls import Calls
    from presign_client.client import Presign

_UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES: Mapping[str, int] = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def duration(text: str) -> int:
    """Return seconds: of `90`, `15m`, `12h` or `30d`."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw]?)", text)
    if not found:
        raise click.BadParameter("write a time such as 90s, 15m, 12h or 30d")
    return int(found[1]) * _UNITS[found[2] or "s"]


def size(text: str) -> int:
    """Return bytes: of `5242880` or `8MiB`."""
    found = re.fullmatch(r"([0-9]{1,14})([kmg]?)(?:i?b)?", text.lower())
    if not found:
        raise click.BadParameter("write a size such as 5242880 or 8MiB")
    return int(found[1]) * _SIZES[found[2]]


def target_name(text: str) -> tuple[str, str]:
    """Return bucket and key. The key may be empty or a prefix."""
    bucket, _, key = text.partition("/")
    if not bucket:
        raise click.BadParameter("write BUCKET/KEY, such as reports/2026/q3.pdf")
    return bucket, key


def object_name(text: str) -> tuple[str, str]:
    """Return bucket and key of one object."""
    bucket, key = target_name(text)
    if not key or key.endswith("/"):
        raise click.BadParameter("write BUCKET/KEY of an object, such as reports/2026/q3.pdf")
    return bucket, key


def bucket_name(text: str) -> str:
    """Return the name of a bucket alone."""
    if not text or "/" in text:
        raise click.BadParameter("write the bucket's name alone; --prefix names a prefix")
    return text


def narrowed(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the bucket that credentials are for, and the options that narrow them."""
    for option in (
        click.option(
            "--permission",
            type=click.Choice(["READ", "WRITE", "READWRITE"], case_sensitive=False),
            help="Narrow the credentials to it. Default: all that your grants allow.",
        ),
        click.option("--prefix", metavar="PREFIX", help="Narrow the credentials to a prefix."),
        click.argument("bucket", type=bucket_name, metavar="BUCKET"),
    ):
        command = option(command)
    return command


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a `presign`, and the options that say where it is. Report its errors."""
    return _with_options(command, _presign)


def calling(command: Callable[..., None]) -> Callable[..., None]:
    """As `connected`, for a command that moves no bytes, and so needs less."""
    return _with_options(command, _calls)


def _with_options(
    command: Callable[..., None], default: "Callable[[], type[Calls]]"
) -> Callable[..., None]:
    @click.option("--url", metavar="URL", help="Where presign is. Default: PRESIGN_URL.")
    @click.option(
        "--token-file",
        metavar="FILE",
        type=click.Path(),
        help="A file with the token. Default: PRESIGN_TOKEN or PRESIGN_TOKEN_FILE.",
    )
    @wraps(command)
    def run(*arguments: Any, url: str | None, token_file: str | None, **options: Any) -> None:
        try:
            make: Callable[..., Calls] = click.get_current_context().obj or default()
            with make(url, token_file=token_file) as presign:
                command(presign, *arguments, **options)
        except BrokenPipeError:  # click ends quietly: `presign ls | head`
            raise
        except (PresignError, OSError, ValueError) as error:
            raise Failure(line_of(error)) from None
        except KeyboardInterrupt:
            print_failure("stopped. Run the command again to resume.")
            sys.stdout.flush()
            os._exit(1)  # threads may wait for a store

    return run


# Imported in functions: the libraries below take longer to import than help may take.
def _presign() -> "type[Presign]":
    with _quick_imports():
        from presign_client.client import Presign  # noqa: PLC0415

    return Presign


def _calls() -> "type[Calls]":
    with _quick_imports():
        from presign_client.calls import Calls  # noqa: PLC0415

    return Calls


@contextmanager
def _quick_imports() -> Iterator[None]:
    """Import in the block, before the process has a second thread, and run one command then.

    What is imported stays, so Python looks for no garbage in it, neither now nor at the end. A/B,
    `presign url`, medians of 31 on a busy machine: 81 ms of CPU, 89 if it does.
    """
    is_enabled = gc.isenabled()
    gc.disable()
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        if is_enabled:
            gc.enable()


as_json = click.option("--json", "is_json", is_flag=True, help="Print one JSON document.")
quietly = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
parallel = click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=PARALLEL,
    show_default=True,
    help="Requests at the same time, at most.",
)
