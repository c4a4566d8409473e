"""Says what is wrong with each field of a body or a query. Never repeats what the caller sent."""

import re
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from service.field_names import nearest_field

_MAX_POINTERS: Final = 20

# The caller chose the name, so it goes into a pointer only if it looks like a field.
_FIELD_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

_SECONDS: Final = frozenset({"expires_in", "min_expires_in", "stable_for"})
_BYTES: Final = frozenset(
    {"content_length", "max_content_length", "min_content_length", "part_size", "size"}
)
# The least number that is shown in a unit, how many it has of the smaller one, and its name
_UNITS: Final = {
    "seconds": ((2 * 86_400, 86_400, "days"), (2 * 3600, 3600, "hours")),
    "bytes": ((1024**4, 1024**4, "TiB"), (1024**3, 1024**3, "GiB"), (1024**2, 1024**2, "MiB")),
}

_NO_NUMBER: Final = frozenset({"int_type", "int_parsing", "int_parsing_size", "int_from_float"})
# pydantic's own messages speak of Python: of input, dictionaries and class names.
_SIMPLE: Final = {
    "missing": "This field is required.",
    "string_type": "Must be text.",
    "bool_type": "Must be true or false.",
    "list_type": "Must be a list.",
    "dict_type": "Must be an object.",
    "model_type": "Must be an object.",
}
_PATTERNS: Final = {
    "etag": "Must be an ETag: visible ASCII, with or without quotation marks.",
    "checksum": "Must be base64 with padding.",
    "value": "Must be base64 with padding.",
}
# An error's kind, the bound in its context, and what is said of the bound
_BOUNDS: Final = {
    "greater_than_equal": ("ge", "Must be at least {}."),
    "less_than_equal": ("le", "Must be at most {}."),
    "string_too_short": ("min_length", "Must have at least {} characters."),
    "string_too_long": ("max_length", "Must have at most {} characters."),
    "too_short": ("min_length", "Must have at least {} items."),
    "too_long": ("max_length", "Must have at most {} items."),
}


def details(error: ValidationError) -> list[ErrorDetails]:
    """Return pydantic's errors, without what the caller sent."""
    return error.errors(include_url=False, include_input=False)


def pointers(
    model: type[BaseModel], errors: Sequence[ErrorDetails], location: tuple[int | str, ...] = ()
) -> dict[str, str]:
    """Return a message for each pointer. `errors` are about what is at `location` in a body."""
    return {
        _pointer(location + error["loc"]): _detail(model, error) for error in errors[:_MAX_POINTERS]
    }


def at_location(location: tuple[int | str, ...], pointer: str) -> str:
    """Return the pointer into a body of one into what is at `location` there."""
    return f"{_pointer(location)}{pointer.removeprefix('#')}"


def _pointer(location: tuple[int | str, ...]) -> str:
    """Return a JSON pointer as a fragment (RFC 6901, 6), cut at the first unsafe name."""
    parts = []
    for part in location:
        if isinstance(part, str) and _FIELD_NAME.fullmatch(part) is None:
            break
        parts.append(f"/{part}")
    return "#" + "".join(parts)


def _detail(model: type[BaseModel], error: ErrorDetails) -> str:
    kind, name = error["type"], str(error["loc"][-1]) if error["loc"] else ""
    if kind == "extra_forbidden":
        return _unknown(model, error)
    if kind in _BOUNDS:
        return _out_of_bounds(error, name)
    if kind in _NO_NUMBER:
        return _no_number(name)
    if kind == "literal_error":
        expected: str = error["ctx"]["expected"]  # `'a', 'b' or 'c'`
        return f"Must be {expected}.".replace("'", "`")
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(name, "Has another form than is expected here.")
    return _SIMPLE.get(kind) or f"{error['msg'].replace('Input should', 'Must')}."


def _unknown(model: type[BaseModel], error: ErrorDetails) -> str:
    near = None
    if _FIELD_NAME.fullmatch(str(error["loc"][-1])):  # comparing a long name takes time
        near = nearest_field(model, error["loc"])
    return f"Unknown field. Did you mean `{near}`?" if near else "Unknown field."


def _out_of_bounds(error: ErrorDetails, name: str) -> str:
    of_context, sentence = _BOUNDS[error["type"]]
    bound = error["ctx"][of_context]
    if of_context == "min_length" and bound == 1:
        return "Must not be empty."
    return sentence.format(_amount(bound, _unit(name)))


def _no_number(name: str) -> str:
    match _unit(name):
        case "seconds":
            return "Must be a number of seconds, such as 3600."
        case "bytes":
            return "Must be a number of bytes, such as 1048576."
    return "Must be a whole number, such as 1."


def _unit(name: str) -> str | None:
    """Return what a field of this name counts, if it is seconds or bytes."""
    return "seconds" if name in _SECONDS else "bytes" if name in _BYTES else None


def _amount(number: int, unit: str | None) -> str:
    """Return a number as people read it, such as `5 GiB (5,368,709,120 bytes)`."""
    for least, size, larger in _UNITS.get(unit or "", ()):
        if number >= least:
            return f"{number / size:.1f}".removesuffix(".0") + f" {larger} ({number:,} {unit})"
    return f"{number:,}"
