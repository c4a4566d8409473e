"""Reads the configuration file, and the files in the directories that it names, as one document.

It also finds the lines of settings, and the digest that says whether a file has changed.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from service.config.caller_texts import CallerTexts, Digest, KnownCallers
from service.config.expansion import Expander, NoExpander, original_text
from service.config.quoting import quoted, safe_name
from service.config.sharing import value_at, written_location
from service.config.yaml_file import read_yaml
from service.config.yaml_reader import YamlMapping, YamlSequence
from service.errors import FOUND, ConfigurationError, ConfigurationProblem, Location

_LARGE: Final = 8 * 1024 * 1024  # bytes: 10,000 callers are less, and take some 10 ms
_CALLERS_DIR: Final = "callers_dir"
_BUCKETS_DIR: Final = "buckets_dir"
_NAMES_A_FILE: Final = re.compile(r"_dir|\$\{|\\")  # or may, by an escape
_SECTIONS: Final = {"callers": "a list of `callers:`", "buckets": "`buckets:`, each by its name,"}


@dataclass(frozen=True, slots=True)
class Sources:
    """What a configuration is read from, besides its file. All of it is watched.

    `directories` are `callers_dir` and `buckets_dir`, `files` those of `${file:…}`.
    """

    directories: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass(slots=True)
class Files:
    """The configuration file, and the files of its `callers_dir` and `buckets_dir`.

    `own` is the file's own document; `document` also has the callers and buckets of the others.
    `teams` has the path of each team's file, its document, and the index in `document` of its first
    caller. `of_buckets` has the path and the document with each bucket that is not in `own`.
    `variables` are the names in `${VAR}`, and `texts` has those of the callers.
    """

    path: Path
    own: Any
    document: Any
    teams: list[tuple[Path, Any, int]] = field(default_factory=list)
    of_buckets: dict[str, tuple[Path, Any]] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()
    texts: CallerTexts = field(default_factory=CallerTexts)

    def located(self, problem: ConfigurationProblem) -> ConfigurationProblem:
        """Return the problem with the file and the line of its setting.

        Its location becomes that in the file. It has the value as it is written there, so `${VAR}`
        in place of what that expanded to.
        """
        message = self._as_written(problem.location, problem.message)
        location = written_location(problem.location, self.document)
        file, document = self.path, self.own
        match location:
            case ("callers", int(index), *more):
                for path, of_team, first in self.teams:
                    if index >= first:
                        file, document, location = path, of_team, ("callers", index - first, *more)
            case ("buckets", str(name), *_) if name in self.of_buckets:
                file, document = self.of_buckets[name]
        return located_in(file, document, replace(problem, message=message, location=location))

    def _as_written(self, location: Location, text: str) -> str:
        """Return a problem's text with the value as the file has it, such as `${VAR}` or 0x10."""
        at = written_location(location, self.document)
        value, within = value_at(self.document, at), value_at(self.document, at[:-1])
        spelled = getattr(within, "spelled", {}).get(at[-1]) if at else None
        if spelled is None:
            written = quoted(original_text(value))
            return text.replace(quoted(value), written).replace(FOUND, written)
        written = quoted(spelled).strip('"')
        found = f"(found {quoted(value)})"
        return text.replace(found, f"(found {written})").replace(FOUND, written)


def located_in(path: Path, document: Any, problem: ConfigurationProblem) -> ConfigurationProblem:
    """Return the problem with its file and line. Its location becomes one that may be shown."""
    line, location = line_of(problem.location, document), tuple(map(safe_name, problem.location))
    return replace(problem, file=str(path), line=line, location=location)


def read_files(path: Path, environ: Mapping[str, str], known: KnownCallers | None = None) -> Files:
    """Return the configuration at `path`. `environ` has the variables of `${VAR}`.

    With `known` callers no setting of a caller has a line. Raises ConfigurationError.
    """
    return _Reader(path, environ, known).read()


def find_sources(path: Path, environ: Mapping[str, str]) -> Sources:
    """Return what the configuration at `path` is read from, as far as it can be read.

    Nothing is parsed that can name no other file. 40,000 callers take 2.5 s of CPU to parse, and a
    reload parses them once more.
    """
    reader = _Reader(path, environ, only_sources=True)
    with suppress(ConfigurationError, OSError, ValueError):
        if _NAMES_A_FILE.search(path.read_text(encoding="utf-8")) is not None:
            reader.read()
    return Sources(tuple(reader.directories), tuple(dict.fromkeys(reader.expanded)))


def fingerprint(path: Path, sources: Sources, more: Iterable[Path] = ()) -> str:
    """Return a digest that changes when one of the files is written, replaced or removed."""
    found, problems = list[Path](), list[str]()
    for directory in sources.directories:
        try:
            found += yaml_files(directory)
        except (OSError, ValueError) as error:
            problems.append(str(error))
    return content_digest([path, *found, *sources.files, *more], "\n".join(problems))


class _Reader:
    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str],
        known: KnownCallers | None = None,
        *,
        only_sources: bool = False,
    ) -> None:
        self.directories: list[Path] = []
        self.expanded: list[Path] = []
        self.variables: set[str] = set()
        self._path = path
        self._environ = environ
        self._known = known
        self._digests: list[Digest] = []
        self._only_sources = only_sources
        self._problems: list[ConfigurationProblem] = []

    def read(self) -> Files:
        own = self._document(self._path)
        files = Files(self._path, own, own)
        if isinstance(own, YamlMapping):
            files.document = {**own}
            self._add_buckets(files)
            self._add_callers(files)
        if self._problems:
            raise ConfigurationError(self._problems)
        files.variables = frozenset(self.variables)
        if isinstance(own, YamlMapping):
            files.texts = CallerTexts(self._digests, own.get("grant_sets"))
        return files

    def _document(self, path: Path, kind: type[Expander] = Expander) -> Any:
        expander = kind(path.parent, self._environ)
        document, digests = read_yaml(path, expander, self._known)
        self._digests += digests
        self.expanded += expander.files
        self.variables |= expander.variables
        self._problems += [
            located_in(path, document, ConfigurationProblem(text, location))
            for location, text in expander.problems
        ]
        return document

    def _add_callers(self, files: Files) -> None:
        if not isinstance(files.own.get("callers"), list | None):
            return
        callers = list(files.own.get("callers") or [])
        for path, document in self._directory(files.own, _CALLERS_DIR, "callers", NoExpander):
            if not isinstance(added := document["callers"], list | None):
                raise _refusal(path, document, "write a list", ("callers",))
            files.teams.append((path, document, len(callers)))
            callers += added or []
        if files.teams:
            files.document["callers"] = callers

    def _add_buckets(self, files: Files) -> None:
        if not isinstance(files.own.get("buckets"), dict | None):
            return
        buckets = dict(files.own.get("buckets") or {})
        for path, document in self._directory(files.own, _BUCKETS_DIR, "buckets", Expander):
            if not isinstance(added := document["buckets"], dict | None):
                raise _refusal(path, document, "write each bucket below its name", ("buckets",))
            for name, bucket in (added or {}).items():
                at = ("buckets", name)
                if name in buckets:
                    other = files.located(ConfigurationProblem("", at))
                    text = f"{other.file}:{other.line} has the same name; rename one"
                    problem = ConfigurationProblem(text, at)
                    self._problems.append(located_in(path, document, problem))
                    continue
                buckets[name], files.of_buckets[name] = bucket, (path, document)
        if files.of_buckets:
            files.document["buckets"] = buckets

    def _directory(
        self, own: YamlMapping, setting: str, section: str, kind: type[Expander]
    ) -> Iterator[tuple[Path, YamlMapping]]:
        """Yield the files of a directory, which may only have this section, and their documents."""
        if not isinstance(directory := own.get(setting), str):
            return
        self.directories.append(self._path.parent / directory)
        try:
            found = yaml_files(self._path.parent / directory)
        except (OSError, ValueError) as error:  # ValueError: a path with a null character
            text = f"{quoted(original_text(directory))} is not a directory that can be read"
            reason = f": {error.strerror}" if isinstance(error, OSError) else ""
            raise _refusal(self._path, own, f"{text}{reason}", (setting,)) from None
        if kind is NoExpander and self._only_sources:  # these files can name none
            return
        for path in found:
            document = self._document(path, kind)
            if document is None:
                continue
            if not isinstance(document, YamlMapping) or set(document) != {section}:
                keys = document if isinstance(document, YamlMapping) else ()
                location = tuple(key for key in keys if key != section)[:1]
                text = f"write {_SECTIONS[section]} and nothing else"
                raise _refusal(path, document, text, location)
            yield path, document


def _refusal(path: Path, document: Any, text: str, location: Location) -> ConfigurationError:
    return ConfigurationError([located_in(path, document, ConfigurationProblem(text, location))])


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
