"""`POST /sts`: `AssumeRoleWithWebIdentity`, as SDKs send it for AWS_WEB_IDENTITY_TOKEN_FILE.

The token is in the body, so a body is read before its caller is known. All such bodies together
count as one caller's. The token goes to nobody.
"""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Response

from service.access.callers import Identity
from service.api.authentication import authenticate
from service.api.body import refuse_encoded
from service.api.parts import UseCase
from service.api.problems import refused
from service.api.request_state import CallerId
from service.api.route import ApiRoute, AuthenticatedRequest
from service.errors import PresignError, TokenExpired, Unauthenticated
from service.protocols.served import Served
from service.protocols.sts.documents import credentials_document, error_document
from service.protocols.sts.request import MAX_FORM_BYTES, AssumeRole, FormError, parse_request
from service.protocols.vended_credentials import CredentialsRequest
from service.protocols.vending import CredentialVending

_PATH: Final = "/sts"
_UNKNOWN: Final[CallerId] = (None, "")  # no caller's: each has a name
_NOT_ACCEPTED: Final = "Send a valid API key or token as WebIdentityToken."
# Which of these codes SDKs try again: botocore/data/_retry.json and its counterparts. They take 401
# for a wrong signature. `sts_code` of a form goes before.
_CODES: Final = {
    "unauthenticated": (400, "InvalidIdentityToken"),
    "forbidden": (403, "AccessDenied"),
    "not_found": (403, "AccessDenied"),
    "body_too_large": (413, "InvalidParameterValue"),
    "unsupported_media_type": (400, "InvalidParameterValue"),
    "invalid_request": (400, "PackedPolicyTooLarge"),  # all that is left: see `CredentialVending`
    "rate_limited": (429, "Throttling"),
}
_UNAVAILABLE: Final = (503, "ServiceUnavailable")


@dataclass
class Sts(UseCase[bool]):
    vending: CredentialVending


class StsRequest(AuthenticatedRequest):
    """`asked` is there once the body has been read."""

    asked: AssumeRole | None = None


class StsRoute(ApiRoute):
    request_class = StsRequest

    async def identity(self, call: AuthenticatedRequest) -> Identity:
        """Raises what the body's reader, its parser and the verifier of the token raise."""
        assert isinstance(call, StsRequest)
        if call.asked is None:
            refuse_encoded(call.scope["headers"])
            body = await call.read(MAX_FORM_BYTES, unknown=_UNKNOWN)
            types = [value for name, value in call.scope["headers"] if name == b"content-type"]
            call.asked = parse_request(types, call.scope["query_string"], body)
        if not call.asked.token:
            raise Unauthenticated(_NOT_ACCEPTED)
        headers = [(b"authorization", b"Bearer " + call.asked.token.encode())]
        try:
            found = authenticate(headers, call.snapshot, call.parts.tokens, says_expired=True)
            return found if isinstance(found, Identity) else await found
        except TokenExpired:
            raise
        except Unauthenticated:
            raise Unauthenticated(_NOT_ACCEPTED) from None

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        """Return a refusal in the form of STS. Its code makes SDKs try again or stop."""
        status, code = _CODES.get(error.code, _UNAVAILABLE)
        match error:
            case FormError():
                status, code = 400, error.sts_code
            case TokenExpired():
                code = "ExpiredTokenException"
        request_id = call.context.request_id
        document = error_document(code, error.sentence(), request_id, is_ours=status >= 500)
        answer = refused(error, document, "text/xml", status=status)
        del answer.headers["WWW-Authenticate"]  # belongs to a 401
        return answer


router = APIRouter(route_class=StsRoute, include_in_schema=False)


@router.post(_PATH)
@router.post(f"{_PATH}/")  # what aws-sdk-js sends
async def assume_role(call: StsRequest) -> Response:
    sts, asked = call.parts.use_case(Sts), call.asked
    assert asked is not None  # the caller is known by it
    _ = sts.configured  # raises NotConfigured if a reload has turned it off
    request = CredentialsRequest(bucket=asked.bucket, route=_PATH)
    vended = await sts.vending.vend(call.requester, request)
    subject = call.requester.identity.caller.subject
    document = credentials_document(asked, subject, vended, call.context.request_id)
    return Response(document, media_type="text/xml")


SERVED: Final = Served(
    use_case=lambda core, is_on: Sts(is_on, CredentialVending(core.authorizer, core.pool)),
    public_routers=(router,),
    feature="AssumeRoleWithWebIdentity",
)
