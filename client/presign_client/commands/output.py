"""What commands print on standard output, and names that are safe for a terminal."""

import json
import os
import sys
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, default=_plain, indent=2))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if is_dataclass(value) and not isinstance(value, type):
        return {name: each for name, each in asdict(value).items() if each is not None}
    return str(value)


def shown(name: str) -> str:
    """Return a name as it is printed: what could control a terminal is escaped."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in name
    )


def discard_what_cannot_be_written() -> None:
    """Drop output for a full disk: Python would try again at the end, and print what it met."""
    try:
        sys.stdout.flush()
    except OSError:
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())
