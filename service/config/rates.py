"""Rates, as the configuration writes them. The library `limits` would take 0.04 s of each start."""

import re
from typing import Final

from service.access.callers import Rate

_RATE: Final = re.compile(
    r"\s*(\d+)\s*(?:/|per)\s*(\d+)?\s*([a-z]+?)s?\s*", re.ASCII | re.IGNORECASE
)
_SECONDS: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "month": 30 * 86_400,
    "year": 360 * 86_400,
}


def parse_rate(text: str) -> Rate:
    """Read `600/minute` or `100 per 5 seconds`. Raises ValueError, which says what to write."""
    if (found := _RATE.fullmatch(text)) is not None:
        amount, count = int(found[1]), int(found[2] or 1)
        seconds = count * _SECONDS.get(found[3].lower(), 0)
        if amount and seconds:
            return Rate(amount, seconds)
    raise ValueError("write a rate such as 600/minute, or 100 per 5 seconds")
