"""Reads YAML 1.2 as dicts and lists that know the line of each member.

libyaml parses the text into events. With thousands of callers it takes 0.1 s; a parser in Python
takes 5 s. This module reads the events, because PyYAML reads `no` and `12:30` as YAML 1.1 does. A
time is text, because YAML 1.2 has no such scalar.
"""

import re
from array import array
from collections.abc import Iterator, Mapping
from sys import intern
from types import MappingProxyType
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from service.config.quoting import safe_name

# PyYAML may have been built without libyaml. Then its parser in Python is used.
LOADERS: Final = tuple(
    getattr(yaml, name) for name in ("CSafeLoader", "SafeLoader") if hasattr(yaml, name)
)
_MAX_DEPTH: Final = 64
_MAX_TEXTS: Final = 1024  # that are shared
_CORE: Final = "tag:yaml.org,2002:"
_UNREADABLE: Final = "not YAML that can be read"
_NO_MERGE: Final = (
    "YAML 1.2 has no `<<`; write the settings here, or share them by bucket_defaults or grant_sets"
)
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FIRST: Final = frozenset("-+.0123456789~nNtTfF")  # first characters of what is not text
_INTEGER: Final = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)", re.ASCII)
_NUMBERS: Final = frozenset({bool, int, float})
_AS_USUAL: Final[Mapping[Any, str]] = MappingProxyType({})
_BASES: Final[Mapping[str, int]] = {"0b": 2, "0o": 8, "0x": 16}
_NUMBER: Final = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
    re.ASCII,
)


class YamlError(Exception):
    """`line` counts from 1; None if it is unknown."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


class YamlMapping(dict[Any, Any]):
    """`numbers` are the lines of its keys, in their order, counting from 1.

    `spelled` has the text of each number or truth value that is not written as Python does.
    """

    __slots__ = ("numbers", "spelled")
    numbers: "array[int]"
    spelled: Mapping[Any, str]

    @property
    def lines(self) -> dict[Any, int]:
        """Return the line of each key."""
        return dict(zip(self, self.numbers, strict=True))


class YamlSequence(list[Any]):
    """`lines` has the line of each item, counting from 1. `spelled` is as in a YamlMapping."""

    __slots__ = ("lines", "spelled")
    lines: "array[int]"
    spelled: Mapping[Any, str]


def parse(text: str, loader: Any = LOADERS[0]) -> Any:
    """Return the only document of `text`; None if it is empty. Raises YamlError."""
    try:
        return _Document(iter(loader(text).get_event, None)).read()
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        raise YamlError(error.problem or _UNREADABLE, line) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error).splitlines()[0]) from None


class _Document:
    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._anchors: dict[str, Any] = {}
        # Thousands of callers have the same buckets and operations.
        self._texts: dict[str, str] = {}

    def read(self) -> Any:
        next(self._events)  # the stream's start
        if isinstance(start := next(self._events), StreamEndEvent):
            return None
        assert isinstance(start, DocumentStartEvent)
        if start.version not in {None, (1, 2)}:
            raise YamlError("write YAML 1.2, or no %YAML line at all", _line(start))
        value = self._value(next(self._events), 0)
        next(self._events)  # the document's end
        if not isinstance(more := next(self._events), StreamEndEvent):
            raise YamlError("expected a single document", _line(more))
        return value

    def _value(self, event: Event, depth: int) -> Any:
        value: Any
        if isinstance(event, ScalarEvent):  # first, as most are
            value = self._scalar(event)
        elif isinstance(event, AliasEvent):
            if event.anchor not in self._anchors:
                raise YamlError("found undefined alias", _line(event))
            return self._anchors[event.anchor]
        elif depth >= _MAX_DEPTH:
            raise YamlError("nested too deeply", _line(event))
        elif isinstance(event, SequenceStartEvent):
            value = self._sequence(event, depth + 1)
        else:
            value = self._mapping(event, depth + 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _sequence(self, start: Any, depth: int) -> YamlSequence:
        _check_tag(start, "seq")
        found, lines, spelled = YamlSequence(), list[int](), dict[Any, str]()
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            lines.append(event.start_mark.line + 1)
            value = self._value(event, depth)
            if value.__class__ in _NUMBERS:
                _spell(spelled, len(found), value, event)
            found.append(value)
        found.lines, found.spelled = array("I", lines), spelled or _AS_USUAL
        return found

    def _mapping(self, start: Any, depth: int) -> YamlMapping:
        _check_tag(start, "map")
        found, lines, events = YamlMapping(), list[int](), self._events
        spelled = dict[Any, str]()
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._value(event, depth)
            line = event.start_mark.line + 1
            if isinstance(key, str) and key != "<<":
                key = intern(key)  # all documents have the same keys
            else:
                _check_key(key, event)
            value = self._value(event := next(events), depth)
            if value.__class__ in _NUMBERS:
                _spell(spelled, key, value, event)
            if key in found:
                first = lines[[*found].index(key)]
                text = f'found duplicate key "{safe_name(key)}", also on line {first}'
                raise YamlError(text, line)
            found[key] = value
            lines.append(line)
        found.numbers, found.spelled = array("I", lines), spelled or _AS_USUAL
        return found

    def _scalar(self, event: ScalarEvent) -> Any:
        value: Any = event.value
        if not event.implicit[0] or not value or value[0] in _FIRST:
            value = _typed(value, event)
        if not isinstance(value, str):
            return value
        if len(self._texts) < _MAX_TEXTS:
            return self._texts.setdefault(value, value)
        return self._texts.get(value, value)


def _spell(spelled: dict[Any, str], at: Any, value: object, event: Event) -> None:
    """Remember how a number or a truth value is written. An alias is written elsewhere."""
    usual = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(event, ScalarEvent) and event.value != usual:
        spelled[at] = event.value


def _check_key(key: Any, event: Event) -> None:
    if isinstance(key, dict | list):
        raise YamlError("a key must be a single value", _line(event))
    if key == "<<" and isinstance(event, ScalarEvent) and event.implicit[0]:
        raise YamlError(_NO_MERGE, _line(event))


def _typed(text: str, event: ScalarEvent) -> Any:
    """Return the value of a scalar that has a tag or quotes, or may be no text."""
    if event.implicit[0]:
        return _plain(text, event)
    if event.implicit[1] or event.tag in {"!", f"{_CORE}str"}:
        return text
    value = _plain(text, event)
    if event.tag not in {f"{_CORE}{name}" for name in _kinds(value)}:
        raise YamlError(_UNREADABLE, _line(event))
    return float(value) if event.tag == f"{_CORE}float" else value


def _kinds(value: Any) -> tuple[str, ...]:
    """Return the tags that a plain value can have."""
    if value is None:
        return ("null",)
    if isinstance(value, bool):
        return ("bool",)
    if isinstance(value, int):
        return ("int", "float")
    return ("float",) if isinstance(value, float) else ()


def _plain(text: str, event: Event) -> Any:
    """Read a scalar by yaml.org/spec/1.2.2/#103-core-schema. Numbers can contain `_`."""
    if text in _WORDS:
        return _WORDS[text]
    digits = text.replace("_", "")
    try:
        if _INTEGER.fullmatch(text):
            return int(digits, _BASES.get(digits.lstrip("+-")[:2], 10))
        if _NUMBER.fullmatch(text):
            return float(digits.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:  # such as an integer of thousands of digits
        raise YamlError(_UNREADABLE, _line(event)) from None
    return text


def _check_tag(event: Any, kind: str) -> None:
    if event.tag not in {None, "!", f"{_CORE}{kind}"}:
        raise YamlError(_UNREADABLE, _line(event))


def _line(event: Event) -> int:
    line: int = event.start_mark.line
    return line + 1
