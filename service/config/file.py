"""Reads a configuration file, and finds the lines of its settings."""

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from service.config.expansion import Expander
from service.config.yaml_reader import YamlError, YamlMapping, YamlSequence, parse
from service.errors import ConfigurationError, ConfigurationProblem, Location

_LARGE: Final = 8 * 1024 * 1024  # bytes: 10,000 callers are less, and take some 10 ms


def read_yaml(path: Path, expander: Expander) -> Any:
    """Return the document, expanded, whose nodes know their lines. Raises ConfigurationError."""
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        document = parse(text)
    except FileNotFoundError:
        raise _unreadable(path, "No such file; `presign init` writes a first one") from None
    except OSError as error:
        raise _unreadable(path, error.strerror or "cannot be read") from None
    except UnicodeDecodeError:
        raise _unreadable(path, "not UTF-8") from None
    except YamlError as error:
        raise _unreadable(path, _advice(error, text), error.line) from None
    # The walk takes 0.1 s for thousands of callers.
    return expander.expand(document) if "${" in text else document


def _unreadable(path: Path, message: str, line: int | None = None) -> ConfigurationError:
    return ConfigurationError([ConfigurationProblem(message, file=str(path), line=line)])


def _advice(error: YamlError, text: str) -> str:
    """Return the parser's message, or what to write instead."""
    lines = text.split("\n")[error.line - 1 : error.line] if error.line else []
    if any(line.lstrip(" ").startswith("\t") for line in lines):  # none at the end of the text
        return "a tab; indent with spaces"
    if error.problem.startswith("mapping values are not allowed"):
        return "a second `: ` in one line; write a text that has one in quotes"
    return error.problem


def yaml_files(directory: Path) -> list[Path]:
    """Return the *.yaml files, without hidden ones, which editors and the kubelet create.

    Raises OSError, or ValueError for a path with a null character.
    """
    found = [file for file in directory.iterdir() if file.suffix == ".yaml"]
    return sorted(file for file in found if not file.name.startswith("."))


def content_digest(files: Iterable[Path], more: str = "") -> str:
    """Return a digest that changes with the files. It is computed every two seconds."""
    digest = sha256(more.encode())
    for file in files:
        digest.update(b"\0" + os.fsencode(file) + b"\0" + _content(file))
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    """Return the content, or what changes with it if it is large or cannot be read.

    A change within the resolution of a file system's times is visible in the content only.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > _LARGE:
                return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}".encode()
            return file.read(_LARGE)
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        return str(error).encode()


def line_of(location: Location, document: Any) -> int | None:
    """Return the line of a setting, or of the innermost section that the document has of it."""
    line, node = None, document
    for part in location:
        try:
            if isinstance(node, YamlMapping | YamlSequence):
                line = node.lines[part]  # type: ignore[index]
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
    return line
