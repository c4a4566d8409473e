"""The configuration file: read with its line numbers, and its faults told in an operator's words."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from service.config.yaml_reader import (
    YamlError,
    YamlMapping,
    YamlSequence,
    parse,
)
from service.errors import ConfigurationError

_QUOTED_LENGTH: Final = 80
# A digest or a key of 256 bits, and the ids of AWS's keys: somebody may have put one in the wrong place.
_SECRET: Final = re.compile(r"[0-9A-Fa-f]{32}|A[KS]IA[0-9A-Z]{16}|[A-Za-z0-9_+=-]{40}")


def read_yaml(path: Path) -> Any:
    """The document. Its nodes remember their lines; duplicate keys are an error."""
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
    """The file, and those of its `callers_dir`, as one document whose callers are all of theirs.

    `teams` are the further files, each with its path, its own document and its first caller's number.
    """

    path: Path
    own: Any
    document: Any
    teams: tuple[tuple[Path, Any, int], ...] = ()

    def place(self, location: tuple[Any, ...]) -> str:
        """The file, the line and the path of a setting."""
        if location[:1] == ("callers",) and len(location) > 1:
            for path, document, first in reversed(self.teams):
                if location[1] >= first:
                    own = ("callers", location[1] - first, *location[2:])
                    return place(path, document, own)
        return place(self.path, self.own, location)


def read_files(path: Path) -> Files:
    """The configuration at `path`, with the callers of each *.yaml in its `callers_dir`."""
    own = read_yaml(path)
    directory = _directory(own)
    if directory is None or not isinstance(own.get("callers"), list | None):
        return Files(path, own, own)
    callers = list(own.get("callers") or [])
    teams = []
    for file in team_files(path.parent / directory):
        document = read_yaml(file)
        teams.append((file, document, len(callers)))
        callers += _callers_of(file, document)
    return Files(path, own, {**own, "callers": callers}, tuple(teams))


def team_files(directory: Path) -> list[Path]:
    """Without hidden ones, which editors and the kubelet make for themselves."""
    try:
        found = [file for file in directory.iterdir() if file.suffix == ".yaml"]
        return sorted(file for file in found if not file.name.startswith("."))
    except OSError as error:
        raise ConfigurationError([f"{directory}: {error.strerror}"]) from None
    except ValueError:  # no path has a null
        raise ConfigurationError(["callers_dir: write the path of a directory"]) from None


def _callers_of(file: Path, document: Any) -> list[Any]:
    """A team's file has callers and nothing else: buckets and issuers are the operator's."""
    if document is None:
        return []
    if not isinstance(document, YamlMapping) or set(document) != {"callers"}:
        raise ConfigurationError([f"{file}: write a list of `callers:` and nothing else"])
    callers = document["callers"]
    if not isinstance(callers, list | None):
        raise ConfigurationError([f"{file}: callers: write a list"])
    return list(callers or [])


def callers_dir(path: Path) -> str | None:
    """The one that the file at `path` names, whatever else may be wrong with it."""
    try:
        return _directory(read_yaml(path))
    except ConfigurationError:
        return None


def _directory(document: Any) -> str | None:
    directory = document.get("callers_dir") if isinstance(document, YamlMapping) else None
    return directory if isinstance(directory, str) else None


def fingerprint(path: Path, directory: str | None, beside: Iterable[Path] = ()) -> str:
    """Of all that the files say: it changes when one is written, replaced or no longer there.

    `directory` is the `callers_dir`, and `beside` are further files.
    """
    try:
        teams = [] if directory is None else team_files(path.parent / directory)
    except ConfigurationError as error:
        return content_digest([path, *beside], str(error))
    return content_digest([path, *teams, *beside])


def content_digest(files: Iterable[Path], more: str = "") -> str:
    digest = sha256(more.encode())
    for file in files:
        digest.update(b"\0" + os.fsencode(file) + b"\0" + _content(file))
    return digest.hexdigest()


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        return str(error).encode()


def place(path: Path, document: Any, location: tuple[Any, ...]) -> str:
    """The file, the line and the path of a setting."""
    line = _line(document, location)
    where = str(path) if line is None else f"{path}:{line}"
    setting = ".".join(str(part) for part in location)
    return f"{where}: {setting}" if setting else where


def message(fault: Any, names: list[str]) -> str:
    """What is wrong, and what to write instead. `names` are the settings that there are."""
    match fault["type"]:
        case "extra_forbidden":
            near = get_close_matches(str(fault["loc"][-1]), names, n=1)
            return "unknown setting" + (f"; did you mean {near[0]}?" if near else "; remove it")
        case "missing":
            return "is missing"
        case "model_type" | "dict_type":
            return "write settings here, as in presign.example.yaml"
        case "too_short":
            return "is empty; write at least one"
        case _:
            text: str = fault["msg"]
            return text.removeprefix("Value error, ")


def quoted(value: object) -> str:
    """As it may be shown: short, in one line, and without what could be a password or a key."""
    text = str(value)
    if "@" in text and "://" in text:
        return "a URL with a user"
    if _SECRET.search(text):
        return "what looks like a key"
    cut = text if len(text) <= _QUOTED_LENGTH else f"{text[:_QUOTED_LENGTH]}…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def without_echoes(faults: Sequence[Any]) -> list[Any]:
    """A list whose items are all at fault counts as empty too; the items' own faults say more."""
    places = {fault["loc"] for fault in faults}

    def echoes(fault: Any) -> bool:
        at = fault["loc"]
        inner = any(other[: len(at)] == at and other != at for other in places)
        return bool(fault["type"] == "too_short" and inner)

    return [fault for fault in faults if not echoes(fault)]


def _line(document: Any, location: tuple[Any, ...]) -> int | None:
    """The line of the innermost part of `location` that the file has, counted from 1."""
    line = None
    for part in location:
        try:
            if isinstance(document, YamlMapping | YamlSequence):
                line = document.lines[part]
            document = document[part]
        except (KeyError, IndexError, TypeError):
            break
    return line
