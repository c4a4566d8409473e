"""Refusals in the form of the LFS API. git-lfs shows `message` to its user.

github.com/git-lfs/git-lfs: docs/api/batch.md, "Response Errors".
"""

from typing import Any, Final

from pydantic_core import to_json
from starlette.responses import Response

from service.api.problems import Problems
from service.errors import Forbidden, PresignError

MEDIA_TYPE: Final = "application/vnd.git-lfs+json"
_FORBIDDEN: Final = "There is no such repository, or you have no grant for this operation on it."


def refusal(problems: Problems, error: PresignError, request_id: str, *, basic: bool) -> Response:
    """Return the refusal of a whole request. `basic` is for routes that accept it."""
    refused = problems.refusal(error, request_id, basic=basic)
    body = to_json({"message": _message(error), "code": error.code, "request_id": request_id})
    answer = Response(body, refused.status_code, media_type=MEDIA_TYPE)
    more = ("retry-after", "www-authenticate")
    answer.raw_headers += [each for each in refused.raw_headers if each[0].decode() in more]
    if error.code == "unauthenticated" and basic:
        answer.headers["LFS-Authenticate"] = 'Basic realm="presign"'
    return answer


def of_object(problems: Problems, error: PresignError) -> dict[str, Any]:
    """Return the member `error` of one object of a batch."""
    return {"code": problems.of_error(error)["status"], "message": _message(error)}


def _message(error: PresignError) -> str:
    if isinstance(error, Forbidden):
        return _FORBIDDEN
    places = [f"{at}: {detail}" for at, detail in error.pointers.items() if detail != error.detail]
    return " ".join([error.detail, *places])
