"""Refusals in the form of Iceberg's REST catalog. Programs find our own `code` as `reason`.

github.com/apache/iceberg: open-api/rest-catalog-open-api.yaml, IcebergErrorResponse
"""

from collections.abc import Collection
from typing import Any, Final

from pydantic_core import to_json
from starlette.responses import Response

from service.api.problems import refused, status_of
from service.errors import PresignError, TokenExpired

_TYPES: Final = {
    400: "BadRequestException",
    401: "NotAuthorizedException",
    403: "ForbiddenException",
    404: "NotFoundException",
    413: "PayloadTooLargeException",
    419: "AuthenticationTimeoutException",
    429: "TooManyRequestsException",
    503: "ServiceUnavailableException",
}
_UNPROCESSABLE: Final = 422  # no status of Iceberg's; its clients report 400 with the message


def refusal(error: PresignError, request_id: str, fields: Collection[str]) -> Response:
    """`fields` are the members of a request, which the message may name."""
    status = 419 if isinstance(error, TokenExpired) else status_of(error)
    status = 400 if status == _UNPROCESSABLE else status
    wrong = [
        f"{pointer[2:]}: {detail}"
        for pointer, detail in error.pointers.items()
        if pointer[2:] in fields
    ]
    members: dict[str, Any] = {
        "message": " ".join([error.detail, *wrong]),
        "type": _TYPES.get(status, _TYPES[503]),
        "code": status,
        "reason": error.code,
        "request_id": request_id,
    }
    return refused(error, to_json({"error": members}), "application/json", status=status)
