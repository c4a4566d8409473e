"""Durations such as `15m`, `1h` or `7d`, which may be a number of seconds, and rates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from service.access.callers import Rate
from service.signing.signer import MAX_EXPIRES_IN

_UNITS: Final[Mapping[str, int]] = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
TITLE: Final = "duration"  # of the text in the JSON Schema
_DURATION = re.compile(r"(\d{1,8})([dhms])", re.ASCII)
_RATE: Final = re.compile(
    r"\s*(\d+)\s*(?:/|per)\s*(\d+)?\s*([a-z]+?)s?\s*", re.ASCII | re.IGNORECASE
)
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def parse_duration(text: str) -> int:
    """Return the seconds of `7d`, `36h`, `90m` or `45s`. The ValueError says what to write."""
    if (parsed := _DURATION.fullmatch(text)) is None:
        raise ValueError("write a whole number and its unit, such as 7d, 36h, 90m or 45s")
    return int(parsed[1]) * _UNITS[parsed[2]]


def duration_text(seconds: int) -> str:
    """Return seconds with the largest unit that they are a multiple of: `7d`, `90m`, `0s`."""
    unit = next(unit for unit, size in _UNITS.items() if seconds % size == 0) if seconds else "s"
    return f"{seconds // _UNITS[unit]}{unit}"


@dataclass(frozen=True, slots=True)
class Duration:
    """Makes a number a duration of `least` to `most` seconds."""

    least: int
    most: int

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return no_info_before_validator_function(self._seconds, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        number = {**handler(schema), "minimum": self.least, "maximum": self.most}
        text = {
            "type": "string",
            "pattern": "^[0-9]{1,8}[dhms]?$",
            "title": TITLE,
            "examples": ["15m", "1h", "7d"],
        }
        return {"anyOf": [number, text]}

    def _seconds(self, value: object) -> float:
        seconds = _read(value)
        if seconds is not None and self.least <= seconds <= self.most:
            return seconds
        raise ValueError(what_to_write(self.least, self.most))


def what_to_write(least: int, most: int) -> str:
    """Say which durations are right, for another one."""
    return (
        f"write a duration from {duration_text(least)} to {duration_text(most)}: seconds, or a "
        "number with a unit, such as 15m"
    )


def _read(value: object) -> float | None:
    """Return seconds, or None if it is no duration. The environment has numbers as text too."""
    if isinstance(value, str):
        try:
            return float(value) if value[-1:].isdigit() else parse_duration(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


Seconds = Annotated[int, Duration(1, MAX_EXPIRES_IN)]


def parse_rate(text: str) -> Rate:
    """Read `600/minute` or `100 per 5 seconds`. The ValueError says what to write.

    The library `limits` reads the same, and months of 30 and years of 360 days. Importing it takes
    0.04 s of each start.
    """
    if (found := _RATE.fullmatch(text)) is not None:
        amount, count = int(found[1]), int(found[2] or 1)
        seconds = count * _SECONDS.get(found[3].lower(), 0)
        if amount and seconds:
            return Rate(amount, seconds)
    raise ValueError("write a rate such as 600/minute, or 100 per 5 seconds")
