"""What a client prefers: media types and gzip (RFC 9110, 12.5.1 and 12.5.3)."""

from collections.abc import Iterable, Sequence
from typing import Final

_MAX_RANGES: Final = 32


def preferred(headers: Iterable[tuple[bytes, bytes]], offers: Sequence[str]) -> str:
    """Return the offer that `Accept` weighs most, else the first one."""
    ranges = _ranges(_sent(headers, b"accept"))
    return max(offers, key=lambda offer: _weight(offer, ranges))  # the first of equals


def accepts(headers: Iterable[tuple[bytes, bytes]], offer: str) -> bool:
    """Return whether `Accept` is not there, or allows the media type.

    What most clients send is not weighed. A/B for `*/*`: 0.3 µs, and 1.3 µs with its weights.
    """
    sent = _sent(headers, b"accept")
    if sent == "*/*" or sent.partition(",")[0] == offer:  # the first of equals counts
        return True
    ranges = _ranges(sent)
    return not ranges or _weight(offer, ranges) > 0


def prefers_html(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether this is a browser: it weighs HTML more than JSON, which is for all the others."""
    return preferred(headers, ["application/json", "text/html"]) == "text/html"


def prefers_gzip(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether `Accept-Encoding` allows gzip, and weighs it no less than no compression."""
    weights = dict(reversed(_ranges(_sent(headers, b"accept-encoding"))))
    weight = weights.get("gzip", weights.get("*", 0.0))
    return weight > 0 and weight >= weights.get("identity", 0.0)


def _sent(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    return b",".join([value for name, value in headers if name == wanted]).decode("latin-1")


def _ranges(sent: str) -> list[tuple[str, float]]:
    """Return the values of a header, with their weights."""
    return [_range(each) for each in sent.lower().split(",")[:_MAX_RANGES] if each.strip()]


def _weight(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the most specific range that matches."""
    weights = dict(reversed(ranges))
    family = offer.partition("/")[0]
    return next((weights[each] for each in (offer, f"{family}/*", "*/*") if each in weights), 0.0)


def _range(text: str) -> tuple[str, float]:
    value, *parameters = (part.strip() for part in text.split(";"))
    quality = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
    try:
        return value, float(quality)
    except ValueError:
        return value, 0.0
