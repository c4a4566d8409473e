"""A configuration file with line numbers, and error messages for an operator."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from service.config.expansion import Expander
from service.config.yaml_reader import YamlError, YamlMapping, YamlSequence, parse
from service.errors import ConfigurationError

_QUOTED_LENGTH: Final = 80
# A digest, a key of 256 bits or the id of an AWS key, which somebody may have put in a wrong place.
_SECRET: Final = re.compile(r"[0-9A-Fa-f]{32}|A[KS]IA[0-9A-Z]{16}|[A-Za-z0-9_+=-]{40}")


def read_yaml(path: Path, expander: Expander) -> Any:
    """Return the document, expanded, whose nodes know their lines. Raises ConfigurationError."""
    try:
        text = path.read_text(encoding="utf-8")
        document = parse(text)
    except OSError as error:
        raise ConfigurationError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{path}: not UTF-8"]) from None
    except YamlError as error:
        where = str(path) if error.line is None else f"{path}:{error.line}"
        raise ConfigurationError([f"{where}: {error.problem}"]) from None
    # The walk takes 0.1 s for thousands of callers.
    return expander.expand(document) if "${" in text else document


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
            content = file.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a path with a null character
            content = str(error).encode()
        digest.update(b"\0" + os.fsencode(file) + b"\0" + content)
    return digest.hexdigest()


def place(path: Path, document: Any, location: tuple[Any, ...]) -> str:
    """Return the file, the line and the path of a setting.

    If the file does not have the setting, the line is that of the innermost section that it has.
    """
    line, node = None, document
    for part in location:
        try:
            if isinstance(node, YamlMapping | YamlSequence):
                line = node.lines[part]
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
    where = str(path) if line is None else f"{path}:{line}"
    setting = ".".join(str(part) for part in location)
    return f"{where}: {setting}" if setting else where


def message(error: Any, near: str | None = None) -> str:
    """Say what is wrong and what to write instead. `near` is the setting nearest to an unknown one."""
    match error["type"]:
        case "extra_forbidden":
            return "unknown setting" + (f"; did you mean {near}?" if near else "; remove it")
        case "missing":
            return "is missing"
        case "model_type" | "dict_type":
            return "write settings here, as in presign.example.yaml"
        case "tuple_type":
            return "write a list, with brackets or one `- ` a line"
        case "too_short":
            return "is empty; write at least one"
        case _:
            text: str = error["msg"]
            return text.removeprefix("Value error, ")


def quoted(value: object) -> str:
    """Quote a value briefly, in one line, without what could be a password or a key."""
    text = str(value)
    if "@" in text and "://" in text:
        return "a URL with a user"
    if _SECRET.search(text):
        return "what looks like a key"
    cut = text if len(text) <= _QUOTED_LENGTH else f"{text[:_QUOTED_LENGTH]}…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def without_echoes(errors: Sequence[Any]) -> list[Any]:
    """Drop the `too_short` error of a list whose items are all invalid: their errors say more."""
    locations = {error["loc"] for error in errors}

    def is_echo(error: Any) -> bool:
        at = error["loc"]
        has_inner = any(other[: len(at)] == at and other != at for other in locations)
        return bool(error["type"] == "too_short" and has_inner)

    return [error for error in errors if not is_echo(error)]
