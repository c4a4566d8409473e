"""S3's own canonical request, which AWS sends along with SignatureDoesNotMatch: what it received.

It is compared with the request that the sender tells of, line by line; the first byte that differs
says what was changed on the way, or what the sender did not tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote

from service.diagnosis.request import ParsedRequest, pairs_of
from service.diagnosis.response import StoreResponse
from service.signing import sigv4

CANONICAL: Final = "CanonicalRequest"
_LEAST_LINES: Final = 6  # method, path, query, a header, its end, signed headers; then the payload


@dataclass(frozen=True, slots=True)
class StoreCanonicalRequest:
    """`text` is as S3 sent it; `sent` is the request that it shows."""

    sent: ParsedRequest
    payload: str
    text: str = field(repr=False)

    @property
    def payload_is_hashed(self) -> bool:
        return self.payload != sigv4.UNSIGNED_PAYLOAD


@dataclass(frozen=True, slots=True)
class Difference:
    """The first byte that differs, counted from 1, and what the line is that it stands in."""

    byte: int
    line: str


def read_received(reply: StoreResponse, told: ParsedRequest) -> StoreCanonicalRequest | None:
    text = reply.fields.get(CANONICAL, "")
    lines = text.split("\n")
    if len(lines) <= _LEAST_LINES or "" not in lines[3:]:
        return None
    end = lines.index("", 3)
    if end + 2 >= len(lines):
        return None
    headers = {name: value for name, value in map(_header, lines[3:end]) if value}
    signature = tuple(pair for pair in told.parameters if pair not in told.signed_parameters)
    sent = replace(
        told,
        method=lines[0],
        path=unquote(lines[1]),
        parameters=(*pairs_of(lines[2]), *signature),
        host=headers.get("host", told.host),
        headers=headers,
    )
    return StoreCanonicalRequest(sent, lines[end + 2], text)


def first_difference(told: ParsedRequest, received: StoreCanonicalRequest) -> Difference | None:
    """Of what the sender does not tell, S3's word is taken."""
    ours = canonical_text(told, received.sent.headers or {})
    theirs = received.text
    if ours == theirs:
        return None
    shorter = min(len(ours), len(theirs))
    at = next((i for i in range(shorter) if ours[i] != theirs[i]), shorter)
    return Difference(len(theirs[:at].encode()) + 1, _line(theirs, at))


def canonical_text(
    sent: ParsedRequest, untold: Mapping[str, str], payload: str = sigv4.UNSIGNED_PAYLOAD
) -> str:
    headers = {name: sent.header(name) for name in sent.signed_headers}
    known = {
        name: untold.get(name, "") if value is None else value for name, value in headers.items()
    }
    return sigv4.canonical_request(
        sent.method,
        sent.canonical_path,
        sigv4.canonical_query(sent.signed_parameters),
        known,
        payload,
    )


def _line(text: str, at: int) -> str:
    """What the line is that holds the byte."""
    number = text.count("\n", 0, at)
    if number < 3:
        return ("the method", "the path", "the query")[number]
    lines = text.split("\n")
    end = lines.index("", 3)
    if number < end:
        return f"the header {_header(lines[number])[0]}"
    return "the list of signed headers" if number <= end + 1 else "the payload's hash"


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value
