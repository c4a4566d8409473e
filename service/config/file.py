"""The configuration files, with line numbers, and error messages for an operator."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from service.config.yaml_reader import YamlError, YamlMapping, YamlSequence, parse
from service.errors import ConfigurationError, ConfigurationProblem, Location


def read_yaml(path: Path) -> Any:
    """Return the document, whose nodes know their lines. Raises ConfigurationError."""
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return parse(text)
    except OSError as error:
        problem = ConfigurationProblem(error.strerror or "cannot be read", file=str(path))
    except UnicodeDecodeError:
        problem = ConfigurationProblem("not UTF-8", file=str(path))
    except YamlError as error:
        message = _advice(error, text)
        problem = ConfigurationProblem(message, file=str(path), line=error.line)
    raise ConfigurationError([problem]) from None


def _advice(error: YamlError, text: str) -> str:
    """Return the parser's message, or what to write instead."""
    line = text.split("\n")[error.line - 1] if error.line else ""
    if line.lstrip(" ").startswith("\t"):
        return "a tab; indent with spaces"
    if error.problem.startswith("mapping values are not allowed"):
        return "a second `: ` in one line; write a text that has one in quotes"
    return error.problem


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

    def placed(self, problem: ConfigurationProblem) -> ConfigurationProblem:
        """Return the problem with its file and line. In a team file the location is its own."""
        location = problem.location
        if location[:1] == ("callers",) and len(location) > 1:
            index = int(location[1])
            for path, document, first in reversed(self.teams):
                if index >= first:
                    own = ("callers", index - first, *location[2:])
                    line = _line(document, own)
                    return replace(problem, location=own, file=str(path), line=line)
        return replace(problem, file=str(self.path), line=_line(self.own, location))


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


def _line(document: Any, location: Location) -> int | None:
    """Return the line of a setting, or of the innermost section that the file has of it."""
    line, node = None, document
    for part in location:
        try:
            if isinstance(node, YamlMapping | YamlSequence):
                line = node.lines[part]  # type: ignore[index]
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
    return line
