"""Reads a configuration file, and finds the lines of its settings."""

import os
import stat
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from service.config.expansion import Expander
from service.config.yaml_reader import YamlError, YamlMapping, YamlSequence, parse
from service.errors import ConfigurationError, ConfigurationProblem, Location


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
    digest = sha256(more.encode())
    for file in files:
        try:
            # A pipe or a device may never end.
            content = file.read_bytes() if stat.S_ISREG(file.stat().st_mode) else b""
        except (OSError, ValueError) as error:  # ValueError: a path with a null character
            content = str(error).encode()
        digest.update(b"\0" + os.fsencode(file) + b"\0" + content)
    return digest.hexdigest()


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
