"""Error responses to input that is not a valid request."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.api.problems import MEDIA_TYPE
from service.api.request_state import response_headers


def error_response(problem: Mapping[str, Any], defaults: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A complete response that ends the connection, of the problem's members.

    `defaults` are uvicorn's default headers.
    """
    body = to_json(problem)
    headers = [
        *defaults,
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        *response_headers(problem["request_id"]),
    ]
    head = b"".join(b"%s: %s\r\n" % header for header in headers)
    return STATUS_LINE[problem["status"]] + head + b"\r\n" + body
