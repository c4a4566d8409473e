"""Error responses to input that is not a valid request."""

import secrets
from collections.abc import Iterable

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.api.problems import MEDIA_TYPE, Problems
from service.api.request_state import response_headers


def error_response(
    problems: Problems, code: str, detail: str, defaults: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """A complete response that ends the connection. `defaults` are uvicorn's default headers."""
    request_id = secrets.token_hex(16)
    members = problems.problem(code, detail, request_id=request_id)
    body = to_json(members)
    headers = [
        *defaults,
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        *response_headers(request_id),
    ]
    head = b"".join(b"%s: %s\r\n" % header for header in headers)
    return STATUS_LINE[members["status"]] + head + b"\r\n" + body
