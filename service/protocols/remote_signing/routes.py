"""`/sign/{bucket}/…`: signatures for Iceberg's clients, and all others that ask as they do.

There is no catalog. `/v1/aws/s3/sign` is what PyIceberg calls by default. Below `/sign/{bucket}`
are the two paths of Iceberg's clients: that until 1.10, and that from 1.11, which has the catalog's
prefix, if it has one. Prefixes have slashes, and namespaces and tables may have encoded ones, so
paths are matched as they were sent.

github.com/apache/iceberg: open-api/rest-catalog-open-api.yaml, signRequest
"""

import re
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Response
from pydantic_core import to_json

from service.api.problems import refused, status_of
from service.api.route import ApiRoute, AuthenticatedRequest
from service.errors import NotFound, PresignError, TokenExpired
from service.protocols.remote_signing.remote_signer import RemoteSigner
from service.protocols.remote_signing.schemas import RemoteSignRequest
from service.protocols.served import Served

PATH: Final = "/sign/"
_OF_A_BUCKET: Final = re.compile(
    rb"/sign/([^/]+)/v1/(?:aws/s3|(?:.+/)?namespaces/[^/]+/tables/[^/]+)/sign"
)
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


class SignRoute(ApiRoute):
    """Answers errors in Iceberg's form."""

    says_expired = True

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        """Return a refusal as a catalog has it, with our own `code` as `reason`.

        The message names wrong members of the request, and no others. github.com/apache/iceberg:
        open-api/rest-catalog-open-api.yaml, IcebergErrorResponse
        """
        status = 419 if isinstance(error, TokenExpired) else status_of(error)
        status = 400 if status == _UNPROCESSABLE else status
        wrong = [
            f"{pointer[2:]}: {detail}"
            for pointer, detail in error.pointers.items()
            if pointer[2:] in RemoteSignRequest.model_fields
        ]
        members: dict[str, Any] = {
            "message": " ".join([error.detail, *wrong]),
            "type": _TYPES.get(status, _TYPES[503]),
            "code": status,
            "reason": error.code,
            "request_id": call.context.request_id,
        }
        return refused(error, to_json({"error": members}), "application/json", status=status)


router = APIRouter(route_class=SignRoute, include_in_schema=False)


@router.post("/v1/aws/s3/sign")
async def sign(call: AuthenticatedRequest, body: RemoteSignRequest) -> bytes:
    return await _sign(call, body, None)


@router.post(f"{PATH}{{path:path}}")
async def sign_in_bucket(call: AuthenticatedRequest, body: RemoteSignRequest) -> bytes:
    if (found := _OF_A_BUCKET.fullmatch(call.scope["raw_path"])) is None:
        raise NotFound("No such resource.")
    return await _sign(call, body, unquote_to_bytes(found[1]).decode(errors="replace"))


async def _sign(call: AuthenticatedRequest, body: RemoteSignRequest, bucket: str | None) -> bytes:
    signer = call.parts.use_case(RemoteSigner)
    route: str = call.scope["route"].path
    signed = await signer.sign(call.requester, body, bucket=bucket, route=route)
    # Java's client reuses an answer with exactly `private` for every equal method, region and URI,
    # in all threads of its process.
    call.cache_control = b"private" if signed.covers_only_url else b"no-cache"
    headers = {name: [value] for name, value in signed.headers.items()}
    return to_json({"uri": body.uri, "headers": headers})


SERVED: Final = Served(
    use_case=lambda core, _: RemoteSigner(core.authorizer),
    routers=(router,),
    feature="remote signing",
)
