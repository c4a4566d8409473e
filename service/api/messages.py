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

# Their messages speak of Python: dictionaries and class names.
_NO_OBJECT: Final = frozenset({"dict_type", "model_type"})


def details(error: ValidationError) -> list[ErrorDetails]:
    """Return pydantic's errors, without what the caller sent."""
    return error.errors(include_url=False, include_input=False, include_context=False)


def pointers(
    model: type[BaseModel], errors: Sequence[ErrorDetails], location: tuple[int | str, ...] = ()
) -> dict[str, str]:
    """Return a message for each pointer. `errors` are about what is at `location` in a body."""
    return {
        _pointer(location + each["loc"]): _detail(model, each) for each in errors[:_MAX_POINTERS]
    }


def _pointer(location: tuple[int | str, ...]) -> str:
    """Return a JSON pointer as a fragment (RFC 6901, 6), cut at the first unsafe name."""
    parts = []
    for part in location:
        if isinstance(part, str) and _FIELD_NAME.fullmatch(part) is None:
            break
        parts.append(f"/{part}")
    return "#" + "".join(parts)


def _detail(model: type[BaseModel], error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        near = None
        if _FIELD_NAME.fullmatch(str(error["loc"][-1])):  # comparing a long name takes time
            near = nearest_field(model, error["loc"])
        return f"Unknown field. Did you mean `{near}`?" if near else "Unknown field."
    if error["type"] in _NO_OBJECT:
        return "Input should be an object."
    return f"{error['msg']}."
