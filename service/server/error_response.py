"""Error responses to input that is not a valid request."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic_core import to_json
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.api.cors import headers_for
from service.api.problems import MEDIA_TYPE, Problems
from service.api.request_state import reject, response_headers

_Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class ErrorResponses:
    problems: Problems
    cors: CORSMiddleware | None

    def response(
        self,
        code: str,
        detail: str,
        scope: Scope | None,
        received: _Headers,
        defaults: Iterable[tuple[bytes, bytes]],
    ) -> bytes:
        """Return a complete response that ends the connection, and note that it was sent.

        `scope` is None for a head that is no request. `received` are the headers that have arrived:
        with the `Origin` of a page that may call, the page can read the response. `defaults` are
        uvicorn's default headers.
        """
        problem = self.problems.problem(code, detail)
        problem["request_id"] = request_id = reject(scope, problem["status"])
        body = to_json(problem)
        headers = [
            *defaults,
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *headers_for(self.cors, received),
            *response_headers(request_id),
        ]
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        return STATUS_LINE[problem["status"]] + head + b"\r\n" + body
