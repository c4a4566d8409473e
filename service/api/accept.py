"""Which of several media types a client prefers (RFC 9110, 12.5.1)."""

from collections.abc import Iterable, Sequence
from typing import Final

_MAX_RANGES: Final = 32


def preferred(headers: Iterable[tuple[bytes, bytes]], offers: Sequence[str]) -> str:
    """Return the offer that `Accept` weighs most, else the first one."""
    sent = b",".join(value for name, value in headers if name == b"accept").decode("latin-1")
    ranges = [_range(each) for each in sent.lower().split(",")[:_MAX_RANGES] if each.strip()]
    return max(offers, key=lambda offer: _weight(offer, ranges))  # the first of equals


def _weight(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the most specific range that matches."""
    weights = dict(reversed(ranges))
    family = offer.partition("/")[0]
    return next((weights[each] for each in (offer, f"{family}/*", "*/*") if each in weights), 0.0)


def _range(text: str) -> tuple[str, float]:
    media_type, *parameters = (part.strip() for part in text.split(";"))
    quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return media_type, float(quality)
    except ValueError:
        return media_type, 0.0
