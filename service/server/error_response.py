"""The protocol's own answers, to what never becomes a request: problems, as all others are."""

import secrets
from collections.abc import Iterable

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.api.problems import MEDIA_TYPE, problem
from service.api.request_id import response_headers


def refusal(code: str, detail: str, defaults: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A whole answer, the last on its connection. `defaults` are uvicorn's headers of every reply."""
    request_id = secrets.token_hex(16)
    members = problem(code, detail, request_id=request_id)
    body = to_json(members)
    headers = [
        *defaults,
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *response_headers(request_id),
    ]
    head = b"".join(b"%s: %s\r\n" % header for header in headers)
    return STATUS_LINE[members["status"]] + head + b"\r\n" + body
