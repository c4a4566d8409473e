"""S3's own canonical request, which AWS returns with SignatureDoesNotMatch: what it received.

Comparing it with the reported request shows what was changed on the way, or not reported.
"""

from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote

from service.diagnosis.request import ParsedRequest, parse_query
from service.diagnosis.response import StoreResponse
from service.signing import sigv4

CANONICAL_REQUEST: Final = "CanonicalRequest"
_MIN_LINES: Final = 7  # method, path, query, a header, a blank line, signed headers, payload


@dataclass(frozen=True, slots=True)
class StoreCanonicalRequest:
    """`text` is what S3 sent, `request` what it describes, and `payload` the payload's hash."""

    request: ParsedRequest
    payload: str
    text: str = field(repr=False)


def parse_canonical_request(
    response: StoreResponse, reported: ParsedRequest
) -> StoreCanonicalRequest | None:
    """The response's canonical request with the reported signature, or None if it has none."""
    text = response.fields.get(CANONICAL_REQUEST, "")
    lines = text.split("\n")
    if len(lines) < _MIN_LINES or "" not in lines[3:-2]:
        return None
    end = lines.index("", 3)
    headers = {name: value for name, value in map(_parse_header, lines[3:end]) if value}
    signature = tuple(
        pair for pair in reported.parameters if pair not in reported.signed_parameters
    )
    received = replace(
        reported,
        method=lines[0],
        path=unquote(lines[1]),
        parameters=(*parse_query(lines[2]), *signature),
        host=headers.get("host", reported.host),
        headers=headers,
    )
    return StoreCanonicalRequest(received, lines[end + 2], text)


def describe_difference(request: ParsedRequest, received: StoreCanonicalRequest) -> str:
    """Describe where S3's canonical request first differs from that of `request`, or return "".

    For headers of which `request` knows nothing, the received values count.
    """
    known = {**(received.request.headers or {}), **(request.headers or {}), "host": request.host}
    ours = sigv4.canonical_request(
        request.likely_method,
        request.canonical_path,
        sigv4.canonical_query(request.signed_parameters),
        {name: known.get(name, "") for name in request.signed_headers},
        sigv4.UNSIGNED_PAYLOAD,
    )
    theirs = received.text
    if ours == theirs:
        return ""
    shorter = min(len(ours), len(theirs))
    index = next((i for i in range(shorter) if ours[i] != theirs[i]), shorter)
    byte = len(theirs[:index].encode()) + 1
    return f"S3's canonical request first differs at byte {byte}, in {_line_name(theirs, index)}."


def _line_name(text: str, index: int) -> str:
    """Return the name of the line that contains this character."""
    number = text.count("\n", 0, index)
    if number < 3:
        return ("the method", "the path", "the query")[number]
    lines = text.split("\n")
    end = lines.index("", 3)
    if number < end:
        return f"the header {_parse_header(lines[number])[0]}"
    return "the list of signed headers" if number <= end + 1 else "the payload's hash"


def _parse_header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value
