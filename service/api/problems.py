"""Turns errors into problems (RFC 9457). No other module does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from service.api.request_state import state_of
from service.errors import PresignError

MEDIA_TYPE: Final = "application/problem+json"
ERRORS_PATH: Final = "/errors"

_KINDS: Final = {
    "malformed_request": (400, "The request is not HTTP"),
    "invalid_json": (400, "The body is not JSON"),
    "unauthenticated": (401, "Not authenticated"),
    "forbidden": (403, "Not allowed"),
    "limit_exceeded": (403, "A limit of your grant was exceeded"),
    "not_found": (404, "No such resource"),
    "method_not_allowed": (405, "The method is not allowed"),
    "request_timeout": (408, "The request timed out"),
    "upload_not_found": (404, "No such upload"),
    "invalid_part": (409, "The store has different parts"),
    "write_conflict": (409, "Another write to the same key was in progress"),
    "object_exists": (412, "The object already exists"),
    "link_expired": (410, "The link has expired"),
    "length_required": (411, "The length of the body is required"),
    "body_too_large": (413, "The body is too large"),
    "unsupported_media_type": (415, "The content type or encoding is not allowed"),
    "invalid_request": (422, "The request is not valid"),
    "lifetime_unavailable": (422, "The lifetime is not available"),
    "create_only_unsupported": (422, "Create-only uploads are not supported here"),
    "unsafe_content_type": (422, "The content type is unsafe to show inline"),
    "length_mismatch": (422, "The parts do not add up"),
    "checksum_mismatch": (422, "The checksum does not match"),
    "precondition_required": (428, "A condition is required"),
    "rate_limited": (429, "Too many URLs requested"),
    "headers_too_large": (431, "The headers are too large"),
    "internal_error": (500, "Internal error"),
    "storage_refused": (502, "The store refused the request"),
    "credentials_unavailable": (503, "No credentials available to sign with"),
    "hook_unavailable": (503, "A hook did not accept an event"),
    "overloaded": (503, "The service cannot accept the request now"),
    "storage_unavailable": (504, "The store did not answer"),
}
_HTTP_CODES: Final = {404: "not_found", 405: "method_not_allowed"}


@dataclass(slots=True)
class Problems:
    """Makes problems. Without the service's `public_url` their types are relative."""

    public_url: str | None = None

    def problem(
        self,
        code: str,
        detail: str,
        *,
        request_id: str | None = None,
        pointers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return a problem's members. `pointers` maps a JSON pointer to what is wrong there."""
        status, title = _KINDS[code]
        members: dict[str, Any] = {
            "type": f"{self.public_url or ''}{ERRORS_PATH}#{code}",
            "title": title,
            "status": status,
            "detail": detail,
            "code": code,
        }
        if request_id is not None:
            members["request_id"] = request_id
        if pointers:
            members["errors"] = [{"pointer": p, "detail": d} for p, d in pointers.items()]
        return members

    def of_error(
        self,
        error: PresignError,
        *,
        request_id: str | None = None,
        in_body: Callable[[str], str] = str,
    ) -> dict[str, Any]:
        """Return the problem of an error. `in_body` makes its pointers those of the whole body."""
        pointers = {in_body(at): detail for at, detail in error.pointers.items()}
        return self.problem(error.code, error.detail, request_id=request_id, pointers=pointers)

    def internal_error(self, request_id: str) -> Response:
        detail = "The service failed. Its logs say more under the request id."
        return response(self.problem("internal_error", detail, request_id=request_id))

    def refusal(
        self, error: PresignError, request_id: str, *, basic: bool = False, **more: str
    ) -> Response:
        """`more` are extra members of the problem. `basic` is for routes that accept it."""
        members = self.of_error(error, request_id=request_id) | more
        return refused(error, to_json(members), MEDIA_TYPE, basic=basic)


def status_of(error: PresignError) -> int:
    return _KINDS[error.code][0]


def refused(
    error: PresignError,
    body: bytes,
    media_type: str,
    *,
    status: int | None = None,
    basic: bool = False,
) -> Response:
    """Return the response to a refusal, with a body that says the same in a program's own form.

    `basic` is for routes that accept it. Without `status` it is the problem's.
    """
    answer = Response(body, status_of(error) if status is None else status, media_type=media_type)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    if error.code == "unauthenticated":
        for scheme in ('Basic realm="presign"', "Bearer") if basic else ("Bearer",):
            answer.headers.append("WWW-Authenticate", scheme)
    return answer


def response(members: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(
        to_json(members), status_code=members["status"], headers=headers, media_type=MEDIA_TYPE
    )


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: an unknown path or method."""
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "internal_error")
    problems: Problems = request.app.parts.problems
    request_id = state_of(request.scope).request_id
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = _allowed(request)
    detail = _use(headers["Allow"]) if "Allow" in headers else f"{_KINDS[code][1]}."
    members = problems.problem(code, detail, request_id=request_id)
    return response(members, headers)


def _allowed(request: Request) -> str:
    """Return all methods of the path: the router knows those of one of its routes."""
    matching = (route for route in request.app.flat_routes if isinstance(route, Route))
    found = {
        method
        for route in matching
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return ", ".join(sorted(found))


def _use(allowed: str) -> str:
    """Say which methods a path has, such as `Use GET or HEAD for this path.`"""
    *others, last = sorted(allowed.split(", "))
    methods = f"{', '.join(others)} or {last}" if others else last
    return f"Use {methods} for this path."


async def answer_unexpected_error(request: Request, _: Exception) -> Response:
    """Starlette re-raises the error after this, and the gateway logs it."""
    problems: Problems = request.app.parts.problems
    return problems.internal_error(state_of(request.scope).request_id)
