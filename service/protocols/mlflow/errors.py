"""Refusals in the form of MLflow's server. Its client shows them to its user as they are.

github.com/mlflow/mlflow: mlflow/exceptions.py, `ERROR_CODE_TO_HTTP_STATUS`
"""

from typing import Final

from pydantic_core import to_json
from starlette.responses import Response

from service.api.problems import refused, status_of
from service.errors import Forbidden, PreconditionRequired, PresignError

# The client compares this text: mlflow/exceptions.py, `_UnsupportedMultipartUploadException`
_NO_PARTS: Final = "Multipart upload is not supported for the current artifact repository"
_FORBIDDEN: Final = "There is no such artifact root, or you have no grant for this operation on it."
_REPLACES: Final = (
    "MLflow sends a small file so that it replaces another one, which your grant does not allow: "
    "it needs `allow_overwrite`. Or set MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=1."
)
_JSON: Final = "application/json"
_CODES: Final = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    412: "RESOURCE_ALREADY_EXISTS",
    429: "REQUEST_LIMIT_EXCEEDED",
    502: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "TEMPORARILY_UNAVAILABLE",
}


def refusal(error: PresignError, request_id: str) -> Response:
    error_code = _CODES.get(status_of(error), "INVALID_PARAMETER_VALUE")
    body = _body(error_code, _message(error), error, request_id)
    return refused(error, body, _JSON, basic=True)


def no_parts(error: Forbidden, request_id: str) -> Response:
    """The refusal after which the client sends the file in one request."""
    body = _body("NOT_IMPLEMENTED", _NO_PARTS, error, request_id)
    return refused(error, body, _JSON, status=501)


def _body(error_code: str, message: str, error: PresignError, request_id: str) -> bytes:
    return to_json(
        {
            "error_code": error_code,
            "message": message,
            "code": error.code,
            "request_id": request_id,
        }
    )


def _message(error: PresignError) -> str:
    match error:
        case Forbidden():
            return _FORBIDDEN
        case PreconditionRequired():
            return _REPLACES
    return error.sentence()
