"""Replaces `${VAR}` and `${file:/path}` in the values of a configuration file.

A value is expanded once, after the YAML was read, and stays text. So what a variable or a file
contains can add neither settings nor further references. Keys are never expanded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from service.config.quoting import in_one_line
from service.config.yaml_reader import YamlMapping, YamlSequence
from service.errors import Location

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_FILE: Final = "file:"
_LONGEST: Final = 64 * 1024  # characters of a file; a Kubernetes secret has at most 1 MiB in all
_LONGEST_PATH: Final = 255  # characters of a reference in a message
_SYNTAX: Final = "write ${VAR}, ${VAR:-default} or ${file:/path}; `$${` is a literal `${`"


def may_refer(text: str) -> bool:
    """Return whether a file with this text, or a part of one, may have references.

    In double quotes an escape can write each character of one.
    """
    return "${" in text or "\\" in text


class RawText(str):
    """The text that a configuration file has, such as `${VAR}`. It may be shown."""

    __slots__ = ()


class Expanded(str):
    """A text after its expansion, which may be a secret."""

    __slots__ = ("original_text",)
    original_text: RawText

    def __new__(cls, text: str, original_text: str) -> Self:
        new = super().__new__(cls, text)
        new.original_text = RawText(original_text)
        return new

    def __repr__(self) -> str:
        return repr(self.original_text)


def original_text(value: Any) -> Any:
    """Return what the configuration file has: `${VAR}` in place of its text."""
    return value.original_text if isinstance(value, Expanded) else value


class _Unexpandable(Exception):
    """The message names the variable or the file."""


@dataclass(slots=True)
class Expander:
    """Expands the values of one file.

    `files` collects the files that are named, even if they cannot be read, and `variables` the
    names of variables. `problems` collects what could not be expanded, each with its location.
    """

    directory: Path  # what a file's path is relative to
    environ: Mapping[str, str]
    files: list[Path] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)
    problems: list[tuple[Location, str]] = field(default_factory=list)
    # A YAML alias is the same container in several places, so each container is expanded once. The
    # keys are ids. The original is kept too, because the id of a freed object is used again.
    _seen: dict[int, tuple[Any, Any]] = field(default_factory=dict)

    def expand(self, node: Any, location: Location = ()) -> Any:
        """Return the node with its values expanded. It may share containers with `node`."""
        if isinstance(node, str):
            return self._text(node, location) if "${" in node else node
        if not isinstance(node, YamlMapping | YamlSequence):
            return node
        if id(node) not in self._seen:
            self._seen[id(node)] = (node, self._container(node, location))
        return self._seen[id(node)][1]

    def _container(self, node: YamlMapping | YamlSequence, location: Location) -> Any:
        if isinstance(node, YamlMapping):
            mapping = YamlMapping()
            mapping.numbers, mapping.spelled = node.numbers, node.spelled
            mapping.update((key, self.expand(each, (*location, key))) for key, each in node.items())
            return mapping
        sequence = YamlSequence()
        sequence.lines, sequence.spelled = node.lines, node.spelled
        sequence.extend(self.expand(each, (*location, i)) for i, each in enumerate(node))
        return sequence

    def _text(self, text: str, location: Location) -> str:
        try:
            return Expanded(_REFERENCE.sub(self._replacement, text), text)
        except _Unexpandable as error:
            self.problems.append((location, str(error)))
            return text

    def _replacement(self, found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        body, end = found[1], found[2]
        if end and body.startswith(_FILE) and body != _FILE:
            return self._file(self.directory / body.removeprefix(_FILE), _as_written(found))
        variable = _VARIABLE.fullmatch(body)
        if not end or variable is None:
            raise _Unexpandable(_SYNTAX)
        name, default = variable.groups()
        self.variables.add(name)
        value = self.environ.get(name)
        if value is None and default is None:
            raise _Unexpandable(
                f"the variable {name} is not set; set it, or write ${{{name}:-default}}"
            )
        return value or default or ""

    def _file(self, path: Path, reference: str) -> str:
        self.files.append(path)
        try:
            text = _text_of(path)
        except OSError as error:
            raise _Unexpandable(f"{reference} cannot be read: {error.strerror}") from None
        except ValueError:  # not UTF-8, too long, or a path with a null character
            raise _Unexpandable(
                f"{reference} is not a text file in UTF-8 of at most 64 KiB"
            ) from None
        return text.removesuffix("\n")  # reading has made one of a carriage return too


def _as_written(found: re.Match[str]) -> str:
    return in_one_line(found[0], at_most=_LONGEST_PATH)


def _text_of(path: Path) -> str:
    """Raises OSError, or ValueError for what is no text or too long."""
    with path.open(encoding="utf-8") as file:
        text = file.read(_LONGEST + 1)
    if len(text) > _LONGEST:
        raise ValueError
    return text


class NoExpander(Expander):
    """Refuses references: the people who write the file may not read the service's secrets."""

    def _replacement(self, found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        raise _Unexpandable(
            f"{_as_written(found)} is not expanded in a file of callers_dir, whose authors could "
            "read the service's secrets with it; write the value itself. `$${` is a literal `${`"
        )
