"""The conditions on claims in a caller's entry. Each error says what to write instead."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from service.access.claims import ClaimValue

MOST_VALUES: Final = 1000
_MOST_POINTERS: Final = 16
_LONGEST: Final = 255
_LARGEST: Final = 2**53 - 1  # JSON in other languages has no larger exact number
_POINTER: Final = re.compile(r"(?:/(?:[^~/\x00-\x1f\x7f]|~[01])*)+")
_INDEX: Final = re.compile(r"[0-9]+|-")
_WRITE: Final = "write text, a whole number, true or false, or a list of them"


def _check_pointer(pointer: str) -> str:
    if _POINTER.fullmatch(pointer) is None or len(pointer) > _LONGEST:
        near = f"did you mean /{pointer}? " if re.fullmatch(r"[\w.:-]{1,64}", pointer) else ""
        raise ValueError(
            f"{near}write a JSON pointer such as /groups or /realm_access/roles, with ~1 for a "
            "slash in a name and ~0 for a ~"
        )
    parts = pointer.split("/")[1:]
    if {".", ".."} & {*parts}:
        raise ValueError("a JSON pointer has no . or .. to climb with; write the names of claims")
    if any(map(_INDEX.fullmatch, parts)):
        raise ValueError("write the pointer of the list; its places have no order to rely on")
    return pointer


def _values(found: Any) -> Any:
    """Return the values of a condition as a tuple. Raises ValueError for what no claim equals."""
    values = found if isinstance(found, list | tuple) else [found]
    if not 0 < len(values) <= MOST_VALUES:
        raise ValueError(f"write 1 to {MOST_VALUES:,} values (found {len(values):,})")
    for value in values:
        if (text := _wrong(value)) is not None:
            raise ValueError(text)
    # Expanded variables are a subclass of str.
    return tuple(str(each) if isinstance(each, str) else each for each in values)


def _wrong(value: Any) -> str | None:
    match value:
        case bool():
            return None
        case str():
            is_short = 0 < len(value) <= _LONGEST
            return None if is_short else f"write a text of 1 to {_LONGEST} characters"
        case int():
            is_exact = abs(value) <= _LARGEST
            return None if is_exact else f"write a number up to {_LARGEST}, or text in quotes"
        case float():
            return f"a fraction, NaN or infinity is no value to compare; {_WRITE}"
        case Mapping() | list() | tuple():
            return f"a condition has no nested values; {_WRITE}"
    return f"has no value; {_WRITE}"


ClaimPointer = Annotated[str, AfterValidator(_check_pointer)]
ClaimValues = Annotated[
    tuple[ClaimValue, ...],
    BeforeValidator(_values, json_schema_input_type=ClaimValue | tuple[ClaimValue, ...]),
]
ClaimConditions = Annotated[
    dict[ClaimPointer, ClaimValues], Field(min_length=1, max_length=_MOST_POINTERS)
]
