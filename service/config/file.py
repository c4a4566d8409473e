"""The configuration files, with line numbers, and error messages for an operator."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from service.config.yaml_reader import YamlError, YamlMapping, YamlSequence, parse
from service.errors import ConfigurationError

_QUOTED_LENGTH: Final = 80
# A digest, a key of 256 bits or the id of an AWS key, which somebody may have put in a wrong place.
_SECRET: Final = re.compile(r"[0-9A-Fa-f]{32}|A[KS]IA[0-9A-Z]{16}|[A-Za-z0-9_+=-]{40}")


def read_yaml(path: Path) -> Any:
    """Return the document, whose nodes know their lines. Raises ConfigurationError."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{path}: not UTF-8"]) from None
    except YamlError as error:
        where = str(path) if error.line is None else f"{path}:{error.line}"
        raise ConfigurationError([f"{where}: {error.problem}"]) from None


@dataclass(frozen=True, slots=True)
class Files:
    """The configuration file, and the team files of its `callers_dir`.

    `own` is the file's own document; `document` also has the callers of all teams. `teams` has each
    team file's path, its document, and the index in `document` of its first caller.
    """

    path: Path
    own: Any
    document: Any
    teams: tuple[tuple[Path, Any, int], ...] = ()

    def place(self, location: tuple[Any, ...]) -> str:
        """Return the file, the line and the path of a setting."""
        if location[:1] == ("callers",) and len(location) > 1:
            for path, document, first in reversed(self.teams):
                if location[1] >= first:
                    return _place(path, document, ("callers", location[1] - first, *location[2:]))
        return _place(self.path, self.own, location)


def read_files(path: Path) -> Files:
    """Return the configuration at `path`, with the team files of its `callers_dir`."""
    own = read_yaml(path)
    directory = _callers_dir(own)
    if directory is None or not isinstance(own.get("callers"), list | None):
        return Files(path, own, own)
    callers = list(own.get("callers") or [])
    teams = []
    for file in team_files(path.parent / directory):
        document = read_yaml(file)
        teams.append((file, document, len(callers)))
        callers += _team_callers(file, document)
    return Files(path, own, {**own, "callers": callers}, tuple(teams))


def team_files(directory: Path) -> list[Path]:
    """Return the *.yaml files, without hidden ones, which editors and the kubelet create."""
    try:
        found = [file for file in directory.iterdir() if file.suffix == ".yaml"]
        return sorted(file for file in found if not file.name.startswith("."))
    except OSError as error:
        raise ConfigurationError([f"{directory}: {error.strerror}"]) from None
    except ValueError:  # a path with a null character
        raise ConfigurationError(["callers_dir: write the path of a directory"]) from None


def _team_callers(file: Path, document: Any) -> list[Any]:
    """Return the callers of a team's file, which must not have buckets or issuers."""
    if document is None:
        return []
    if not isinstance(document, YamlMapping) or set(document) != {"callers"}:
        raise ConfigurationError([f"{file}: write a list of `callers:` and nothing else"])
    callers = document["callers"]
    if not isinstance(callers, list | None):
        raise ConfigurationError([f"{file}: callers: write a list"])
    return list(callers or [])


def callers_dir(path: Path) -> str | None:
    """Return the `callers_dir` of the file at `path`, even if the file has other errors."""
    try:
        return _callers_dir(read_yaml(path))
    except ConfigurationError:
        return None


def _callers_dir(document: Any) -> str | None:
    directory = document.get("callers_dir") if isinstance(document, YamlMapping) else None
    return directory if isinstance(directory, str) else None


def fingerprint(path: Path, directory: str | None, beside: Iterable[Path] = ()) -> str:
    """Return a digest that changes when a file is written, replaced or removed.

    `directory` is the `callers_dir`; `beside` are further files.
    """
    try:
        teams = [] if directory is None else team_files(path.parent / directory)
    except ConfigurationError as error:
        return content_digest([path, *beside], str(error))
    return content_digest([path, *teams, *beside])


def content_digest(files: Iterable[Path], more: str = "") -> str:
    digest = sha256(more.encode())
    for file in files:
        try:
            content = file.read_bytes()
        except OSError as error:
            content = str(error).encode()
        digest.update(b"\0" + os.fsencode(file) + b"\0" + content)
    return digest.hexdigest()


def _place(path: Path, document: Any, location: tuple[Any, ...]) -> str:
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
