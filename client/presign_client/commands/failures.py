"""What a failed command prints: one line that says what happened and what to do."""

import errno
import os
from collections.abc import Mapping
from typing import IO, Any

import click

from presign_client.commands.output import shown
from presign_client.errors import PresignError

_AGAIN = "Run the command again."
_GRANTS = "`presign whoami` shows what you may do."
ADVICE: Mapping[str, str] = {
    "checksum_mismatch": _AGAIN,
    "copy_too_large": "Download and upload it instead.",
    "credentials_unavailable": _AGAIN,
    "forbidden": _GRANTS,
    "limit_exceeded": _GRANTS,
    "not_presign": "Check the URL in PRESIGN_URL or --url.",
    "object_exists": "Use --overwrite to replace it.",
    "overloaded": _AGAIN,
    "precondition_failed": "Choose another target, or run the command again.",
    "rate_limited": "Wait, and run the command again.",
    "source_changed": _AGAIN,
    "storage_unavailable": _AGAIN,
    "unauthenticated": "Check the token in PRESIGN_TOKEN, PRESIGN_TOKEN_FILE or --token-file.",
    "unreachable": f"Check the network, and the URL in PRESIGN_URL or --url. {_AGAIN}",
}

_SYSTEM_ADVICE: Mapping[int, str] = {
    errno.EDQUOT: "Free some space and run the command again.",
    errno.ENOSPC: "Free some space and run the command again.",
    errno.EISDIR: "With -r what is in it is uploaded.",
}


class Failure(click.ClickException):
    """Ends the command with one line on standard error and exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - click's
        print_failure(self.format_message(), color=self.show_color)


def print_failure(line: str, *, color: bool | None = None) -> None:
    click.echo(f"{click.style('presign:', fg='red')} {line}", err=True, color=color)


def line_of(error: Exception) -> str:
    """Return one line about an error, without the names of parts, URLs and tokens."""
    if isinstance(error, PresignError):
        return _one_line(error)
    if isinstance(error, OSError):
        about = f"{os.fspath(error.filename)!r}: " if error.filename else ""
        advice = _SYSTEM_ADVICE.get(error.errno or 0, "")
        return f"{about}{error.strerror or error}. {advice}".rstrip()
    return str(error)


def _one_line(error: PresignError) -> str:
    words = [str(error), ADVICE.get(error.code, "")]
    if error.request_id is not None and error.status >= 500:
        words.append(f"Quote the request {error.request_id} to the service's operator.")
    return shown(" ".join(" ".join(words).split()))
