"""Refusals as the Hub's clients read them: by a status, `X-Error-Code` and `X-Error-Message`.

github.com/huggingface/huggingface_hub: src/huggingface_hub/utils/_http.py, `hf_raise_for_status`
"""

from typing import Final

from pydantic_core import to_json
from starlette.responses import Response

from service.api.problems import refused, status_of
from service.errors import Forbidden, PresignError, StorageUnavailable, Unauthenticated
from service.protocols.hugging_face.errors import (
    UNKNOWN,
    HubNotFound,
    ReadOnly,
    RepositoryNotFound,
    SameHost,
)

COMMIT: Final = "X-Repo-Commit"
_INVALID: Final = "Invalid credentials in Authorization header"  # the client compares this text


def refusal(error: PresignError, request_id: str, *, has_credentials: bool) -> Response:
    """`has_credentials` is whether the request had an `Authorization`."""
    message = _message(error, has_credentials=has_credentials)
    body = to_json({"error": message, "code": error.code, "request_id": request_id})
    answer = refused(error, body, "application/json", status=_status(error))
    answer.headers["X-Error-Message"] = message.encode("ascii", "replace").decode()
    if (code := _hub_code(error, has_credentials=has_credentials)) is not None:
        answer.headers["X-Error-Code"] = code
    if isinstance(error, HubNotFound) and error.commit is not None:
        answer.headers[COMMIT] = error.commit
    return answer


def _status(error: PresignError) -> int:
    match error:
        case Forbidden():
            return 404
        case StorageUnavailable():
            return 503  # clients try again
        case ReadOnly():
            return 501
        case SameHost():
            return 401
    return status_of(error)


def _message(error: PresignError, *, has_credentials: bool) -> str:
    match error:
        case Forbidden():
            return UNKNOWN
        case Unauthenticated() if has_credentials:
            return _INVALID
    return error.sentence()


def _hub_code(error: PresignError, *, has_credentials: bool) -> str | None:
    match error:
        case HubNotFound():
            return error.error_code
        case Forbidden():
            return RepositoryNotFound.error_code
        case Unauthenticated() if not has_credentials:
            return RepositoryNotFound.error_code
    return None
