"""`GET /v1/credentials/{bucket}`: what AWS SDKs request from AWS_CONTAINER_CREDENTIALS_FULL_URI.

There is such a route only if a grant allows `credentials`. The JSON is that of ECS and EKS:
docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from service.access.callers import Identity
from service.access.narrowing import Permission
from service.api.authentication import authenticate
from service.api.parts import UseCase
from service.api.problems import refused
from service.api.route import ApiRoute, AuthenticatedRequest
from service.clock import rfc3339
from service.errors import PresignError
from service.protocols.served import Served
from service.protocols.vended_credentials import CredentialsRequest
from service.protocols.vending import CredentialVending


@dataclass
class Credentials(UseCase[None]):
    vending: CredentialVending


class CredentialsRoute(ApiRoute):
    def identity(self, call: AuthenticatedRequest) -> Identity | Awaitable[Identity]:
        """SDKs send AWS_CONTAINER_AUTHORIZATION_TOKEN as it is, with `Bearer` or without."""
        headers = [
            (name, b"Bearer " + value if name == b"authorization" and b" " not in value else value)
            for name, value in call.scope["headers"]
        ]
        return authenticate(headers, call.snapshot, call.parts.tokens)

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        """Return a refusal in the form that SDKs can show."""
        members = {
            "code": error.code,
            "message": error.sentence(),
            "request_id": call.context.request_id,
        }
        return refused(error, to_json(members), "application/json")


router = APIRouter(prefix="/v1/credentials", route_class=CredentialsRoute, include_in_schema=False)


class Narrowing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prefix: str = ""
    permission: Permission = Permission.READWRITE


@router.get("/{bucket}")
async def credentials(
    call: AuthenticatedRequest, bucket: str, query: Annotated[Narrowing, Query()]
) -> bytes:
    vending = call.parts.use_case(Credentials).vending
    request = CredentialsRequest(bucket=bucket, prefix=query.prefix, permission=query.permission)
    vended = await vending.vend(call.requester, request)
    keys = vended.session.credentials
    return to_json(
        {
            "AccessKeyId": keys.access_key_id,
            "SecretAccessKey": keys.secret_access_key,
            "Token": keys.session_token,
            "Expiration": rfc3339(vended.validity.expires_at),
        }
    )


SERVED: Final = Served(
    use_case=lambda core, _: Credentials(None, CredentialVending(core.authorizer, core.pool)),
    routers=(router,),
    feature="credentials",
)
