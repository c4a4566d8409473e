"""What an operator reads about a mistake in the configuration. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ByteSize, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from service.config.expansion import RawText
from service.config.quoting import SHOWN, quoted
from service.errors import Location
from service.field_names import field_at, fields_with_models, model_at, names, nearest, type_at

# What people write for an operation, in lower case and without `s3:`.
_OPERATIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("read", "get", "getobject"), "download"),
    **dict.fromkeys(("write", "put", "putobject"), "upload"),
    **dict.fromkeys(("listbucket", "listobjects", "listobjectsv2", "ls"), "list"),
    **dict.fromkeys(("deleteobject", "remove", "rm"), "delete"),
    **dict.fromkeys(("headobject", "stat"), "head"),
    **dict.fromkeys(("post", "postobject"), "form"),
    **dict.fromkeys(("share", "links"), "link"),
}
_SIMPLE: Final[Mapping[str, str]] = {
    "model_type": "write settings here, as in presign.example.yaml",
    "dict_type": "write names with their settings here, as in presign.example.yaml",
    "invalid_key": "a name of a setting is text; put a number in quotes",
    "string_type": "write text; put a number or a date in quotes",
    "path_type": "write a path",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_parsing_size": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a number",
    "byte_size": "write a size in bytes, or with a unit, such as 50MiB",
    "byte_size_unit": "write a size in bytes, or with a unit, such as 50MiB",
    "too_short": "is empty; write at least one",
}
# By the names of the location
_INSTEAD: Final[Mapping[Location, str]] = {
    ("callers", "name"): "write `api_key:`",
}
_ITEM: Final = re.compile(r"[A-Za-z0-9./*+:-]{1,39}")  # no key, and no other list in brackets
_NAMES: Final = 10  # of a hundred, only so many are shown
_SAID: Final = frozenset({"conflict", "extra_forbidden", "grant_set", "missing", "tuple_type"})
KEY: Final = "[key]"  # pydantic's name for the name of an entry


class Missing(NamedTuple):
    """Annotates a setting that must be there: what to write if it is missing."""

    text: str


def describe(error: Any, settings: type[BaseModel]) -> str:
    """Say what is wrong, the value if it may be shown, and what to write instead.

    `error` is pydantic's, about `settings`.
    """
    message = _MESSAGES.get(error["type"], _message)(error, settings)
    return f"{message}{_found(error, settings)}"


def _message(error: Any, _settings: type[BaseModel]) -> str:
    if error["input"] is None and error["type"] in _SIMPLE:
        if error["loc"] == ():
            return "is empty; write `buckets:` and `callers:`, as in presign.example.yaml"
        return "has no value; write one, or remove the line"
    text: str = error["msg"]
    return _SIMPLE.get(error["type"]) or text.removeprefix("Value error, ")


def _missing(error: Any, settings: type[BaseModel]) -> str:
    field = field_at(settings, error["loc"])
    said = [] if field is None else [each for each in field.metadata if isinstance(each, Missing)]
    return f"is missing; {said[0].text}" if said else "is missing"


def _list(error: Any, settings: type[BaseModel]) -> str:
    value = error["input"]
    is_shown = _is_shown(error["loc"], settings)
    if is_shown and isinstance(value, str) and _ITEM.fullmatch(value):
        return f"write a list: [{value}]"
    return "write a list, with brackets or one `- ` a line"


def _choice(error: Any, _settings: type[BaseModel]) -> str:
    """Name the nearest choice, or else all of them."""
    choices = re.findall(r"'([^']*)'", error["ctx"]["expected"])
    value = str(error["input"]).lower().removeprefix("s3:")
    near = _OPERATIONS.get(value)
    if near not in choices:
        by_lower = {each.lower(): each for each in choices}
        near = by_lower.get(nearest(value, [*by_lower]) or "")
    return f"did you mean {near}?" if near else f"write one of: {', '.join(choices)}"


def _bound(error: Any, settings: type[BaseModel]) -> str:
    [bound] = error["ctx"].values()
    if type_at(settings, error["loc"]) is ByteSize:
        bound = ByteSize(bound).human_readable()
    return f"write at {'most' if error['type'] == 'less_than_equal' else 'least'} {bound}"


def _too_long(error: Any, _settings: type[BaseModel]) -> str:
    return f"has too many entries; write at most {error['ctx']['max_length']}"


def _unknown(error: Any, settings: type[BaseModel]) -> str:
    *section, name = error["loc"]
    if instead := _INSTEAD.get(tuple(part for part in error["loc"] if isinstance(part, str))):
        return f"unknown setting; {instead}"
    model = model_at(settings, tuple(section))
    if near := nearest(str(name), names(model), cutoff=0.85):
        return f"unknown setting; did you mean {near}?"
    # Prefer a section below this one.
    for above in (model, settings):
        if homes := [home for home, inner in fields_with_models(above) if name in names(inner)]:
            where = " or ".join(f"`{home}`" for home in [*dict.fromkeys(homes)][:2])
            return f"unknown setting here; it belongs in {where}"
    for home, inner in fields_with_models(settings):
        if near := nearest(str(name), names(inner), cutoff=0.85):
            return f"unknown setting; did you mean {near} in `{home}`?"
    if near := nearest(str(name), names(model)):
        return f"unknown setting; did you mean {near}?"
    return "unknown setting; remove it"


_MESSAGES: Final[Mapping[str, Callable[[Any, type[BaseModel]], str]]] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "tuple_type": _list,
    "enum": _choice,
    "literal_error": _choice,
    "greater_than_equal": _bound,
    "less_than_equal": _bound,
    "too_long": _too_long,
}


def unknown_name(kind: str, name: str, known: Mapping[str, Any]) -> str:
    """Say that nothing of this name is configured, and which name was meant, or which there are."""
    if near := nearest(name, [*known]):
        return f"no {kind} {quoted(name)} is configured; did you mean {quoted(near)}?"
    text = ", ".join(sorted(known)[:_NAMES]) or "none"
    more = ", …" if len(known) > _NAMES else ""
    return f"no {kind} {quoted(name)} is configured; there are: {text}{more}"


def _found(error: Any, settings: type[BaseModel]) -> str:
    """Quote the wrong value, if its setting is one that may be shown."""
    location, value = error["loc"], error["input"]
    if location[-1:] == (KEY,):
        return f" (found {quoted(value)})"
    if error["type"] in _SAID:
        return ""
    if not isinstance(value, RawText) and not _is_shown(location, settings):
        return ""
    return f" (found {quoted(value)})" if isinstance(value, str | int | float | Path) else ""


def _is_shown(location: Location, settings: type[BaseModel]) -> bool:
    """Whether the value at `location` may be quoted, as its field says."""
    found = field_at(settings, location)
    return found is not None and SHOWN in found.metadata


def drop_redundant(errors: Sequence[Any]) -> list[Any]:
    """Drop the `too_short` error of a list whose items are all invalid: their errors say more."""
    locations = {error["loc"] for error in errors}

    def is_echo(error: Any) -> bool:
        at = error["loc"]
        has_inner = any(other[: len(at)] == at and other != at for other in locations)
        return bool(error["type"] == "too_short" and has_inner)

    return [error for error in errors if not is_echo(error)]


class Conflict(NamedTuple):
    """`location` is the setting to change. `other` is one that it does not go with, if any.

    The text names the place of the other one by OTHER.
    """

    location: Location
    text: str
    other: Location | None = None


def refusal(conflicts: list[Conflict]) -> ValidationError:
    """Return the error that a validator raises for all conflicts."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError(
                "conflict", "{text}", {"text": each.text, "other_location": each.other}
            ),
            loc=each.location,
            input=None,
        )
        for each in conflicts
    ]
    return ValidationError.from_exception_data("Settings", details)
