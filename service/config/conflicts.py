"""An error about a setting that does not fit another one."""

from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from service.errors import Location


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
