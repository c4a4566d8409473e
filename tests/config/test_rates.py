"""Rates as text. The library that counts them in Redis has its own reader: both agree."""

import limits
import pytest

from service.access.callers import Rate
from service.config.durations import parse_rate


@pytest.mark.parametrize(
    "text",
    [
        *(
            "600/minute",
            "1/second",
            "5 per 2 hours",
            "100 per 5 seconds",
            "7/day",
            "30 per 30 days",
        ),
        *(" 10 / 5 minutes ", "10per5minutes", "6/MINUTE", "1 PER Hour", "08/day"),
        "99999999/2day",
    ],
)
def test_a_rate_is_read_as_its_library_does(text: str) -> None:
    expected = limits.parse(text)
    assert parse_rate(text) == Rate(expected.amount, expected.get_expiry())


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "600",
            "/minute",
            "600/",
            "100rps",
            "100/s",
            "100/minutess",
            "1.5/minute",
            "-1/minute",
        ),
        *("3/month", "2 per year"),
        *("0/minute", "5 per 0 minutes", "5/00minutes", "1/minute; 2/day", "1/minute,", "²/minute"),
        *("1 / minute / 2", "1//minute", "1/minute\n2/day", "x1/minute"),
    ],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a rate such as 600/minute"):
        parse_rate(text)
