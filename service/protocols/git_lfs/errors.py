"""Refusals in the form of the LFS API. git-lfs shows `message` to its user.

github.com/git-lfs/git-lfs: docs/api/batch.md, "Response Errors".
"""

from typing import Any, Final

from pydantic_core import to_json
from starlette.responses import Response

from service.api.problems import refused, status_of
from service.errors import Forbidden, PresignError

MEDIA_TYPE: Final = "application/vnd.git-lfs+json"
_FORBIDDEN: Final = "There is no such repository, or you have no grant for this operation on it."


def refusal(error: PresignError, request_id: str, *, basic: bool) -> Response:
    """Return the refusal of a whole request. `basic` is for routes that accept it."""
    body = to_json({"message": _message(error), "code": error.code, "request_id": request_id})
    answer = refused(error, body, MEDIA_TYPE, basic=basic)
    if error.code == "unauthenticated" and basic:
        answer.headers["LFS-Authenticate"] = 'Basic realm="presign"'
    return answer


def object_error(error: PresignError) -> dict[str, Any]:
    """Return the member `error` of one object of a batch."""
    return {"code": status_of(error), "message": _message(error)}


def _message(error: PresignError) -> str:
    return _FORBIDDEN if isinstance(error, Forbidden) else error.sentence()
