"""Refusals as Turborepo and Nx read them. No build fails for its cache.

Turborepo turns each refusal that it can read into a warning. Nx ends a build after any status that
it does not expect, so it only ever gets 401, 403, 404 and 409, with the words as text.
"""

from typing import Final

from pydantic_core import to_json
from starlette.responses import Response

from service.api.authentication import SAFE_METHODS
from service.api.problems import refused, status_of
from service.errors import (
    Forbidden,
    InvalidRequest,
    ObjectExists,
    PresignError,
    Unauthenticated,
)

PREFLIGHT_METHOD: Final = "OPTIONS"
_ALLOWED: Final = "Access-Control-Allow-Headers"
# What Turborepo sends besides `Authorization`. One that is missing here is sent all the same.
_SENT: Final = (
    "Content-Type, User-Agent, x-artifact-client-ci, x-artifact-client-interactive, "
    "x-artifact-dirty-hash, x-artifact-duration, x-artifact-sha, x-artifact-tag"
)
_TEXT: Final = "text/plain"
_FORBIDDEN: Final = "There is no such build cache, or you have no grant for this operation on it."
_OVERWRITES: Final = (
    "An artifact is written without a condition, so your grant needs `allow_overwrite`."
)
_UNKNOWN_LENGTH: Final = (
    "Turborepo tells the length only to the store, and your grant has `max_content_length`. With "
    "it, only Nx writes."
)


def of_turborepo(error: PresignError, request_id: str, method: str) -> Response:
    """A preflight that is refused brings the request itself here, where it is refused in words.

    Only an unknown caller is refused at once.
    """
    if method == PREFLIGHT_METHOD and not isinstance(error, Unauthenticated):
        return come_here()
    members = {"code": error.code, "message": _message(error), "request_id": request_id}
    body = to_json({"error": members})
    return refused(error, body, "application/json", status=_status(error))


def of_nx(error: PresignError, request_id: str, method: str) -> Response:
    match error:
        case Unauthenticated():
            status = 401
        case ObjectExists():
            status = 409
        case _:
            status = 404 if method in SAFE_METHODS else 403
    text = f"{_message(error)} ({error.code}, request {request_id})"
    answer = refused(error, text.encode(), _TEXT, status=status)
    answer.headers["Content-Type"] = _TEXT  # Nx shows no text of a 401 if there is a charset, too
    return answer


def come_here() -> Response:
    """Turborepo then sends the request itself to this service, with its token."""
    return Response(status_code=204, headers={_ALLOWED: f"Authorization, {_SENT}"})


def go_to(url: str) -> Response:
    """Turborepo then sends the request itself to the store, without its token."""
    return Response(status_code=200, headers={"Location": url, _ALLOWED: _SENT})


def _status(error: PresignError) -> int:
    """Turborepo tries 429 and 503 again, and takes 403 for the last word about uploads."""
    status = status_of(error)
    if status >= 500:
        return 503
    return 400 if isinstance(error, InvalidRequest) else status


def _message(error: PresignError) -> str:
    match error, [*error.pointers]:
        case Forbidden(), _:
            return _FORBIDDEN
        case _, ["#/overwrite"]:
            return _OVERWRITES
        case _, ["#/max_content_length"]:
            return _UNKNOWN_LENGTH
    return error.sentence()
