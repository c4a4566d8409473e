"""Error responses to input that is not a valid request."""

import secrets
from collections.abc import Iterable, Mapping

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.api.problems import MEDIA_TYPE, Problems
from service.api.request_state import begun, response_headers


def error_response(
    problems: Problems,
    code: str,
    detail: str,
    defaults: Iterable[tuple[bytes, bytes]],
    scope: Mapping[str, object] | None = None,
) -> bytes:
    """A complete response that ends the connection. `defaults` are uvicorn's default headers.

    With `scope` it is that of a request whose body has not come. The app sends no other one.
    """
    state = None if scope is None else begun(scope)
    request_id = secrets.token_hex(16) if state is None else state.request_id
    members = problems.problem(code, detail, request_id=request_id)
    if state is not None:
        state.status = members["status"]
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
